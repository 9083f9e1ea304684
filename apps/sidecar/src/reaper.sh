#!/bin/sh
# Process 1 of a container: starts the sidecar's two processes, hands its signals on to the supervisor, and collects orphans,
# which `wait` does in passing. Usage: reaper.sh EXTENSION NODE [OPTION…]; the processes are main.EXTENSION and
# supervisor.EXTENSION beside this file.
entry=${0%/*} extension=$1
shift
exec 3>&1
# Both at once: a pod's start is as long as the longer of the two. On its standard input the supervisor reads the number of the
# HTTP process, and when that has ended its status. What tells them is in the background for itself: `wait` waits for all
# that is in a pipeline, and this script ends with the supervisor alone.
{
  {
    trap '' TERM INT HUP
    SIDECAR_SUPERVISED=true "$@" "$entry/main.$extension" >&3 3>&- &
    echo $!
    wait $!
    echo $?
  } &
} | "$@" "$entry/supervisor.$extension" adopt 3>&- &
child=$!
trap 'kill -TERM "$child" 2>/dev/null' TERM INT HUP
# A signal ends `wait` early; only when the child is gone is its status the supervisor's.
while :; do
  wait "$child"
  status=$?
  kill -0 "$child" 2>/dev/null || exit "$status"
done
