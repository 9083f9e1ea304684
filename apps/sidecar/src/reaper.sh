#!/bin/sh
# Process 1 of a container: runs a command, hands its signals on and collects orphans, which `wait` does in passing.
"$@" &
child=$!
trap 'kill -TERM "$child" 2>/dev/null' TERM INT HUP
# A signal ends `wait` early; only when the child is gone is its status the command's.
while :; do
  wait "$child"
  status=$?
  kill -0 "$child" 2>/dev/null || exit "$status"
done
