#!/bin/bash
# The rules of the tree: sizes are true, texts are stable, views are finite and refuse writes, what
# blocks is unlisted, times mean something.
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
kfsd_start

wait_for_end() {
    wait "$1" || true
}

E=$K/enclaves/e
touch before
within 100 mkdir "$E"
idle_script 2 >"$E/plan/idle.star"
equal "$(cat "$E/wait")" RUNNING

# ---- what is listed
equal "$(ls "$K" | xargs)" "README enclaves engine"
for name in enclaves errors log status version; do [ -f "$K/engine/$name" ]; done
for name in created error inspect status uuid; do [ -f "$E/$name" ]; done
for name in plan runs services; do [ -d "$E/$name" ]; done
for name in args error finished output result.json script started status; do [ -f "$E/runs/1/$name" ]; done
for name in created hostname image inspect ip logs ports status uuid; do [ -f "$E/services/s1/$name" ]; done
[ -d "$E/services/s1/port" ]
equal "$(readlink "$E/runs/last")" 1
equal "$(find "$K" -name wait)" ""
equal "$(cat "$E/runs/1/wait")" SUCCEEDED

# ---- sizes are true, for every file there is
find "$K" -type f | while read -r file; do
    case $file in */engine/log | */engine/metrics | */stats) continue ;; esac
    size=$(stat -c %s "$file")
    [ "$(wc -c <"$file")" = "$size" ] || fail "$file: stat says $size, read gives $(wc -c <"$file")"
    [ "$size" = 0 ] || [ -z "$(tail -c1 "$file" | tr -d '\n')" ] || case $file in
    */plan/* | */script | */args) ;;
    *) fail "$file does not end in a newline" ;;
    esac
done
mkdir copy && cp -r "$E" copy/
tar -C "$K/enclaves" -cf - e | tar -tf - >/dev/null
rsync -a "$E/" copy/rsync/
diff -r --exclude=stats "$E" copy/e
grep -rq RUNNING "$E"

# ---- one fact a file
equal "$(wc -l <"$E/uuid")" 1
grep -Eqx '[0-9a-f]{32}' "$E/uuid"
grep -Eqx '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z' "$E/created"
grep -Eqx '([0-9]+\.){3}[0-9]+' "$E/services/s1/ip"
equal "$(cat "$E/services/s1/image")" busybox:latest
has "$(docker inspect --format '{{json .NetworkSettings.Networks}}' "$(container_of e s1)")" "$(cat "$E/services/s1/ip")"

# ---- times
[ "$E" -nt before ]
equal "$(date -u -d "@$(stat -c %Y "$E")" +%FT%TZ)" "$(cat "$E/created")"
equal "$(stat -c %U "$E")" root
equal "$(find "$K/enclaves" -maxdepth 2 -name status -newer before)" "$E/status"

# ---- an interrupted wait ends at once, and nothing is left hanging
mkdir "$K/enclaves/w"
printf 'def run(plan):\n    plan.add_service(name = "w", config = ServiceConfig(image = "busybox", cmd = ["sleep", "99999"],\n        ports = {"p": PortSpec(number = 99, wait = "60s")}))\n' >"$K/enclaves/w/plan/w.star"
cat "$K/enclaves/w/wait" &
reader=$!
eventually 10 grep -q ^EXECUTING "$K/enclaves/w/runs/last/status"
kill -TERM $reader
within 500 wait_for_end $reader
rmdir "$K/enclaves/w"
finish
