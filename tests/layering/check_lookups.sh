#!/bin/sh
# Families read config.json through io/formats/json.h, which notes what they ask for: a look-up of cJSON's own would make a key
# that is read look like one that nobody reads. One line a fault, on stderr; ends with 1 where there is one.
set -eu
cd "$(dirname "$0")/../.."
if grep -nE 'cJSON_(GetObjectItem|HasObjectItem)' model/families/*.[ch] >&2; then
    echo "layering: keys of config.json are looked up with fs_json_member" >&2
    exit 1
fi
