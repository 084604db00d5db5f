# Cuts prices/new_data/v2/data.json of pydantic/genai-prices to what is used
# here, one model a line:
#
#	jq -r -f cut.jq data.json > prices.json
def line: {id, match, context_window, prices} | with_entries(select(.value != null)) | tojson;
def provider:
  "{\"id\":\(.id | tojson),\"model_match\":\(.model_match | tojson),\"models\":[\n"
  + ([.models[] | line] | join(",\n")) + "\n]}";
"[" + ([.[] | select(.id == "anthropic" or .id == "openai") | provider] | join(",\n")) + "]"
