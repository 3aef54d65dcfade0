#!/bin/sh
# sh acknowledge.sh BROKER PORT BOX STATION COMMENT: acknowledges the alarms of a station as an operator, and says what the box answers.
# Needs mosquitto_rr. Each run has an id and a topic for its answer of its own; the comment has no quotes and no backslashes.
box="inspectord/$3"
id="desk-$(date +%s)-$$"
exec mosquitto_rr -h "$1" -p "$2" -V 5 -q 1 -W 10 \
	-t "$box/request/operator/acknowledge" -e "$box/answer/desk-$$" \
	-m "{\"id\":\"$id\",\"station\":\"$4\",\"comment\":\"$5\"}"
