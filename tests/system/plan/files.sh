#!/bin/bash
# The instructions that make and find files artifacts: render_templates, upload_files,
# store_service_files and get_files_artifact.
# limit: 180
. "$KFS_TOP/tests/system/lib/test.sh"
. "$KFS_TOP/tests/system/lib/plan.sh"
image_load busybox
kfsd_start
E=$K/enclaves/e
mkdir "$E"

# ---- render_templates
render='plan.add_service("web", ServiceConfig("busybox", cmd = ["sleep", "1000"]))
word = plan.exec("web", ExecRecipe(["printf", "a \"b\"\\\\c\n"]))["output"]
page = plan.render_templates({
    "page": struct(template = "{{.Word}}|{{.N}}|{{range .L}}<{{.}}>{{end}}|{{.Missing}}", data = {"Word": word, "N": 5, "L": [1, "x", True, None]}),
    "deep/er/conf": struct(template = "{{if eq .n 0}}zero{{end}} {{ . }}", data = struct(n = 0)),
}, "page")
made = plan.render_templates(config = {"/top": struct(template = "{{ . }}", data = "text")}, description = "Making one up")
plan.add_service("reader", ServiceConfig("busybox", cmd = ["sleep", "1000"], files = {"/in": page, "/made": Directory([made, page])}))
plan.print(made)'
succeeds "$render" "
Rendering a template to a files artifact with name 'page'
Templates artifact name 'page' rendered with artifact UUID '" "
Making one up
Templates artifact name '"
equal "$(cat "$E/files/page/page")" 'a "b"\c
|5|<1><x><true><<no value>>|<no value>'
equal "$(cat "$E/files/page/deep/er/conf")" 'zero map[n:0]'
made=$(sed -n '/^Printing a message/{n;p}' <<<"$OUTPUT" | tail -1)
[[ $made =~ ^[a-z]+-[a-z]+(-[0-9]+)?$ ]]
equal "$(cat "$E/files/$made/top")" text
equal "$(container_sh e reader 'cat /in/deep/er/conf /made/top; ls /made')" 'zero map[n:0]textdeep
page
top'
again_skips
uuid=$(sed -n "s/.*'page' rendered with artifact UUID '\(.*\)'/\1/p" <<<"$OUTPUT") before=$(container_of e reader)
succeeds "${render/|\{\{.N\}\}/|N=\{\{.N\}\}}" "'page' rendered with artifact UUID '$uuid'"
has "$(cat "$E/files/page/page")" '|N=5|'
[ "$(container_of e reader)" != "$before" ]
has "$(container_sh e reader 'cat /in/page')" '|N=5|'
page() {
    echo "plan.render_templates({\"f\": struct(template = \"$1\", data = ${2-1})}, \"new\")"
}
fails "$(page '{{ if }}')" 'template' 'missing value for if' case.star:2:
fails "$(page '{{ .a | nofunc }}')" 'function "nofunc" not defined'
fails "$(page '{{ index .a 7 }}' '{"a": [1]}')" 'executing instruction (number 1) at [case.star:2:' 'out of range'
fails "$(page x 'len')" 'config["f"]'"' argument: json.encode: cannot encode builtin"
fails 'plan.render_templates({"f": {"template": "x", "data": 1}}, "new")' 'config["f"]' 'struct(template="...", data=...)' "of type 'dict'"
fails 'plan.render_templates({"f": struct(template = "x")}, "new")' 'config["f"]' 'it has no data'
fails 'plan.render_templates({"f": struct(template = 1, data = 1)}, "new")' 'no template that is a string'
fails 'plan.render_templates({"../f": struct(template = "x", data = 1)}, "new")' "'../f' does not name a file inside" case.star:2:
fails 'plan.render_templates({}, "new")' "'config' argument must not be empty"
fails 'plan.render_templates({"f": struct(template = "x", data = 1)}, name = "")' "'name' argument must not be empty"
for name in a/b .a ..; do
    fails "plan.render_templates({\"f\": struct(template = \"x\", data = 1)}, \"$name\")" \
        "'$name' is not a name for a files artifact" case.star:2:
done
fails "$(page x)
$(page y)" "already a files artifact with name 'new' in this plan" case.star:3:
fails "$(page '{{.}}' '"{{kurtosis:00000000000000000000000000000000:code.runtime_value}}"')" "Runtime UUID '00000000000000000000000000000000' was found, but not set"

# ---- upload_files
mkdir -p pkg/dir/sub
echo 'name: github.com/test/pkg' >pkg/kurtosis.yml
echo one >pkg/dir/one
echo two >pkg/dir/sub/two
ln -s one pkg/dir/link
chmod +x pkg/dir/one
package_runs() {
    { echo 'def run(plan):' && sed 's/^/    /' <<<"$1"; } >pkg/main.star
    rm -rf "$E/plan/pkg"
    cp -r pkg "$E/plan/"
    echo ./pkg >"$E/run"
    cat "$E/wait" >/dev/null
    OUTPUT=$(cat "$E/runs/last/output")
}
upload='dir = plan.upload_files(src = "./dir", name = "dir")
file = plan.upload_files("/dir/sub/two", description = "One file")
plan.print(file)
plan.add_service("reader", ServiceConfig("busybox", cmd = ["sleep", "1000"], files = {"/in": dir, "/file": file}))'
package_runs "$upload"
has "$OUTPUT" "
Uploading file './dir' to files artifact 'dir'
Files with artifact name 'dir' uploaded with artifact UUID '"
has "$OUTPUT" "
One file
Files with artifact name '"
equal "$(container_sh e reader 'cat /in/sub/two /in/one /file/two; ls -l /in/one | cut -c-10; readlink /in/link')" 'two
one
two
-rwxr-xr-x
one'
before=$(holdings)
package_runs "$upload"
equal "$(grep -c ^SKIPPED <<<"$OUTPUT")" 4
equal "$(holdings)" "$before"
cp -r pkg/dir pkg/same
package_runs 'plan.upload_files("./same", "dir")'
has "$OUTPUT" "Files with artifact name 'dir' resolved with artifact UUID '"
has "$OUTPUT" "' as content were matching"
echo ONE >pkg/dir/one
before=$(container_of e reader)
package_runs "$upload"
has "$OUTPUT" "Files with artifact name 'dir' with artifact UUID '"
has "$OUTPUT" "' updated"
[ "$(container_of e reader)" != "$before" ]
equal "$(container_sh e reader 'cat /in/one')" ONE
! package_runs 'plan.upload_files("./none")' 2>/dev/null
has "$(cat "$E/runs/last/error")" '/none: No such file'
has "$(cat "$E/runs/last/error")" 'main.star:2:'
! package_runs 'plan.upload_files("../../../../etc/passwd", "got")' 2>/dev/null
has "$(cat "$E/runs/last/error")" '../../../../etc/passwd'
[ ! -e "$E/files/got" ]
! package_runs 'plan.upload_files("./dir", "x")
plan.upload_files("./same", "x")' 2>/dev/null
has "$(cat "$E/runs/last/error")" "already a files artifact with name 'x' in this plan"
fails 'plan.upload_files("./dir")' './dir' case.star:2:
fails 'plan.upload_files("")' "'src' argument must not be empty"
fails 'plan.upload_files()' 'missing argument for src'
succeeds 'plan.add_service("http", ServiceConfig("busybox", cmd = ["httpd", "-f", "-p", "80", "-h", "/in"],
    files = {"/in": "dir"}, ports = {"http": PortSpec(80)}))'
url=http://$(cat "$E/services/http/port/http")
succeeds "plan.upload_files('$url/sub/two?q=1', 'url')" "Uploading file '$url/sub/two?q=1' to files artifact 'url'"
equal "$(cat "$E/files/url/two")" two
fails "plan.upload_files('$url/none')" "$url/none" 404 case.star:2:

# ---- store_service_files
store='plan.add_service("web", ServiceConfig("busybox", cmd = ["sleep", "1000"]))
made = plan.exec("web", ExecRecipe(["sh", "-c", "mkdir -p /d/s; cd /d; echo 1 >one; echo 2 >s/two; ln -s one l; printf /d/s"]))
one = plan.store_service_files("web", "/d/one", "stored", depends_on = made["code"])
plan.store_service_files(service_name = "web", src = "/d", name = "whole")
plan.store_service_files("web", "/d/*", "star")
plan.store_service_files("web", made["output"], "from-value", description = "Keeping")
plan.print(plan.store_service_files("web", "/d/s/two"))
plan.add_service("reader", ServiceConfig("busybox", cmd = ["sleep", "1000"], files = {"/in": "whole"}))'
succeeds "$store" "
Storing files from service 'web' at path '/d/one' to files artifact with name 'stored'
Files with artifact name 'stored' uploaded with artifact UUID '" "
Keeping
Files with"
equal "$(cat "$E/files/stored/one" "$E/files/whole/s/two" "$E/files/star/one" "$E/files/from-value/two" | xargs)" '1 2 1 2'
equal "$(readlink "$E/files/whole/l")" one
equal "$(container_sh e reader 'cat /in/s/two')" 2
again_skips
succeeds 'plan.stop_service("web")
plan.store_service_files("web", "/d/one", "late")'
equal "$(cat "$E/files/late/one")" 1
fails 'plan.store_service_files("web", "/none", "new")' 'executing instruction (number 1) at [case.star:2:' "there is no '/none' in service 'web'"
fails 'plan.store_service_files("nobody", "/d", "new")' "store_service_files for service 'nobody' which doesn't exist" case.star:2:
fails 'plan.store_service_files("web", "/d", "new")
plan.store_service_files("web", "/d", "new")' "already a files artifact with name 'new'" case.star:3:
fails 'plan.store_service_files("web", "")' "'src' argument must not be empty"
fails 'plan.store_service_files("web")' 'missing argument for src'

# ---- get_files_artifact
succeeds 'name = plan.get_files_artifact("stored")
plan.add_service("reader", ServiceConfig("busybox", cmd = ["sleep", "1000"], files = {"/in": name}))
plan.get_files_artifact(name = "late", description = "Looking")' "
Fetching files artifact 'stored'
Fetched files artifact 'stored'
" "
Looking
Fetched files artifact 'late'"
equal "$(container_sh e reader 'cat /in/one')" 1
again_skips
fails 'plan.get_files_artifact("nothing")' "The files artifact 'nothing' does not exist" case.star:2:
fails 'plan.get_files_artifact()' 'missing argument for name'
finish
