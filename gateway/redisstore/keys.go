package redisstore

import "strings"

// slot is what the keys of a team begin with. They are in one slot of a cluster.
func (o *Options) slot(team string) string {
	tag := "%" // an empty one would be none
	if team != "" {
		tag = noBraces.Replace(team)
	}
	return o.Prefix + "{" + tag + "}:"
}

var noBraces = strings.NewReplacer("%", "%25", "{", "%7B", "}", "%7D")

// all is what the keys begin with that say which teams and subscribers there are.
// They are in one slot of a cluster.
func (o *Options) all() string { return o.Prefix + "{%all}:" }

// pointer is the key that says which team a gate is of.
func (o *Options) pointer(gate string) string { return o.Prefix + "gate:" + gate }
