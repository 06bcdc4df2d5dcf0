#!/bin/bash
# The lines of README.md's cookbook, each as it stands there, one after the other.
# limit: 120
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
kfsd_start

export HOME=$PWD
cat >shop.star <<'END'
def run(plan, args = {}):
    plan.print(args.get("greeting", "hello"))
    plan.add_service(
        name = "web",
        config = ServiceConfig(
            image = "busybox:latest",
            cmd = ["sh", "-c", "mkdir -p /www; echo GET ready; echo hello >/www/index.html; exec httpd -f -v -p 80 -h /www"],
            ports = {"http": PortSpec(number = 80, application_protocol = "http")},
        ),
    )
END
mkdir shop
cp shop.star shop/main.star
echo 'name: github.com/example/shop' >shop/kurtosis.yml

awk '/^## / {inside = /Cookbook/} inside && sub(/^    /, "")' "$KFS_TOP/README.md" >lines
[ "$(wc -l <lines)" -ge 20 ]
while read -r line; do
    if ! output=$(cd "$K" && bash -o pipefail -c "$line" 2>&1); then
        fail "$line: $output $(cat "$K"/enclaves/*/error)"
    fi
    printf '%s\n%s\n' "$ $line" "$output"
    # What the line's comment promises, where more can be said than that it succeeded.
    case $line in
    *'wait for it') equal "$output" RUNNING ;;
    *'how are they all') equal "$(echo "$output" | sort -u)" RUNNING ;;
    *'not succeeded') equal "$output" "" ;;
    *'ask a service') equal "$output" hello ;;
    *'apply it') equal "$(curl -s "$(cat "$K/enclaves/shop/services/web/port/http")")" 'good day' ;;
    *'newest runs') equal "$(echo "$output" | sort | xargs)" '2 last' ;;
    *'images are in use') equal "$(echo "$output" | sort -u)" busybox:latest ;;
    *'what it said') has "$output" hi ;;
    *'do not notice') equal "$(cat "$K/enclaves/store/services/web/status")" RUNNING ;;
    *'of all there is to read') tar -tzf /tmp/store.tgz | grep -qx store/services/web/logs ;;
    *'remove everything') equal "$(ls "$K/enclaves")" "" ;;
    esac
done <lines
rm /tmp/store.tgz
finish
