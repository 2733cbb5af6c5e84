/**
 * The small shell program that stands between the executor and one container's
 * command, so that neither depends on the executor being alive. It runs in its
 * own session and leaves these files in the container's directory, each written
 * once:
 *
 *     started  created exclusively before anything else: the command ran, or will.
 *              A second shim finds it and quits, so nothing runs twice.
 *     pid      shim's process id, its start time, boot id, process id of the
 *              command's parent. Whoever creates it first, wins: an executor
 *              that gives the container up creates it to stop a late shim.
 *     log      standard output and error, as they came.
 *     exit     the exit code, put there by rename when the command has ended. Its
 *              room is taken before the command begins and then written over, so
 *              that how a run ended is kept on a full disk as well, which may be
 *              full by the run's own doing.
 *
 *     executor -- shim -+- keeper -- command     (keeper records the exit code)
 *                       +- capper -- dd          (copies the pipe to the log)
 *
 * Output goes through a pipe rather than into the file itself: with a file, a
 * script's `echo ... > /dev/stderr` would empty the log. `dd` passes on what it
 * reads at once, knows when to stop, and exists everywhere; after the limit the
 * rest is read and dropped, so a talkative job neither blocks nor dies.
 *
 * On descriptor 3 the shim tells an executor that still listens: `started`, then
 * `ended`. The signals that end a job reach the whole session, so shim and
 * keeper catch them (a caught signal, unlike an ignored one, is not passed on to
 * the command), and the capper ignores them.
 */

/** Exit code of a shim that found the container started or given up already. */
export const SHIM_QUIT = 75;

/** Arguments: container's directory, most bytes of its log, `NAME=value`..., command, arguments... */
export const SHIM = `#!/bin/sh
set -C -f
dir=$1 cap=$2
shift 2

{ true >"$dir/started"; } 2>/dev/null || exit ${SHIM_QUIT}

field22() { shift 21; start=$1; }
read -r stat </proc/$$/stat
field22 $stat
read -r boot </proc/sys/kernel/random/boot_id
trap : TERM INT HUP

keep() {
  trap : TERM INT HUP
  read -r keeper rest </proc/self/stat
  { printf '%8s\\n' '' >"$dir/exit.new"; } 2>/dev/null || exit ${SHIM_QUIT}
  { echo "$$ $start $boot $keeper end" >"$dir/pid"; } 2>/dev/null || exit ${SHIM_QUIT}
  tell started
  env -i "$@" 3>&-
  code=$?
  trap '' TERM INT HUP
  { printf '%-8s\\n' "$code" 1<>"$dir/exit.new" && mv "$dir/exit.new" "$dir/exit"; } 2>/dev/null
  tell ended
}

tell() {
  trap '' PIPE
  { echo "$1" >&3; } 2>/dev/null
  trap - PIPE
}

copy() {
  trap '' TERM INT HUP
  exec 3>&-
  size=0
  while [ "$size" -lt "$cap" ]; do
    count=$(((cap - size + 32767) / 32768))
    [ "$count" -lt 32 ] && count=32
    said=$({ LC_ALL=C dd bs=32768 count="$count" >&4; } 2>&1) || exec cat >/dev/null
    said=\${said%% records in*}
    said=\${said##*[!0-9+]}
    [ $((\${said%%+*} + \${said#*+})) -lt "$count" ] && return
    size=$(wc -c <"$dir/log")
  done
  printf '\\n[log cut: it reached its limit of %s bytes]\\n' "$cap" >&4
  exec cat >/dev/null
}

keep "$@" 2>&1 | copy 4>>"$dir/log"
`;
