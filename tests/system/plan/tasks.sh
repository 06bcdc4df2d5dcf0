#!/bin/bash
# The instructions that run in a container of their own: run_sh and run_python.
# limit: 180
. "$KFS_TOP/tests/system/lib/test.sh"
. "$KFS_TOP/tests/system/lib/plan.sh"
image_load busybox
image_load python
docker tag busybox:latest badouralix/curl-jq:latest
kfsd_start
E=$K/enclaves/e
mkdir "$E"

# ---- run_sh
succeeds 'page = plan.render_templates({"in": struct(template = "{{.}}", data = "given")}, "page")
sh = plan.run_sh(run = "echo out; cat /in/in >/made; mkdir -p /d/s; echo 2 >/d/s/two; echo $WORD $1 >/word",
    files = {"/in": page}, env_vars = {"WORD": "a  b"},
    store = ["/made", StoreSpec(src = "/d", name = "whole"), StoreSpec("/d/*", "star"), StoreSpec(src = "/word", name = "word")])
plan.verify(sh.code, "==", 0)
again = plan.run_sh(name = "counter", run = "printf %s \"$(cat /x/made)" + "-\" " + sh.output, image = "busybox", description = "Counting",
    files = {"/x": sh.files_artifacts[0]}, wait = None)
top = plan.run_sh(run = "echo before; exit 0; echo never", acceptable_codes = [0])
bad = plan.run_sh(run = "echo why >&2; exit 9", acceptable_codes = [0, 9], wait = "30s")
any = plan.run_sh(run = "false # " + "x" * 80, skip_code_check = True, node_selectors = {"a": "b"}, tolerations = [Toleration(key = "k")])
quotes = plan.run_sh(run = """echo \"a'"'"'b\" $((1+1)) '"'"'$x'"'"' `echo c`""")
return [sh.files_artifacts[1:], again.output, top.code, top.output, bad.code, any.code, quotes.output]' \
    "
Running sh script
Command returned with exit code '0' and the following output:
--------------------
out
--------------------
" "
Counting
Command returned with exit code '0' and the following output: given-out" "
Running sh script: \`echo before; exit 0; echo never\`
Command" "
Running sh script
Command returned with exit code '1' with no output
"
equal "$(jq -c . "$E/runs/last/result.json")" \
    '[["whole","star","word"],"given-out","0","before\n","9","1","a'"'"'b 2 $x c\n"]'
equal "$(cat "$E/files/whole/s/two" "$E/files/star/s/two" "$E/files/word/word" | xargs)" '2 2 a b'
equal "$(ls "$E/services")" ''
equal "$(docker_objects | grep ^container || true)" ''
again_skips
fails 'plan.run_sh("echo hi")' 'missing argument for run'
fails 'plan.run_sh(run = "")' "'run' argument must not be empty"
fails 'plan.run_sh(run = "exit 4")' 'executing instruction (number 1) at [case.star:2:' \
    "Run sh returned exit code '4' that is not part of the acceptable status codes '[0]'"
fails 'plan.run_sh(run = "echo said; sleep 30", wait = "400ms")' "The exec request timed out after 0.4 seconds"
fails 'plan.run_sh(run = "true", wait = "long")' "'wait' argument must be a duration"
fails 'plan.run_sh(run = "true", store = ["/none"])' "'/none'" case.star:2:
fails 'plan.run_sh(run = "true", store = ["/a", StoreSpec("/a", "b")])' "The path '/a' is stored twice" case.star:2:
fails 'plan.run_sh(run = "true", store = [StoreSpec("/a", "b/c")])' "'b/c' is not a name for a files artifact"
fails 'plan.run_sh(run = "true", store = [1])' "store[0]" StoreSpec
fails 'plan.run_sh(run = "true", files = {"/a": "nothing"})' "files artifact 'nothing'" case.star:2:
fails 'plan.run_sh(run = "true", files = {"/a": Directory(["page"])})' "'files[\"/a\"]' argument must be a string"
fails 'plan.run_sh(run = "true", files = {"a": "page"})' "'a'" "begin with '/'"
fails 'plan.run_sh(run = "true", env_vars = {"A": 1})' "'env_vars[\"A\"]' argument must be a string"
fails 'plan.run_sh(run = "true", image = "localhost:9/absent")' 'localhost:9/absent'
fails 'plan.run_sh(run = "true", image = 7)' "'image' argument"
fails 'plan.run_sh(name = "Task_1", run = "true")' "'Task_1' is not valid" case.star:2:
fails 'plan.run_sh(run = "true", privileged = True)' '--privileged' case.star:2:
fails 'plan.run_sh(run = "true", acceptable_codes = 0)' "'acceptable_codes' argument must be a list of ints"
succeeds 'plan.add_service("there", ServiceConfig("busybox", cmd = ["sleep", "1000"]))'
fails 'plan.run_sh(name = "there", run = "true")' "There is a service called 'there' already"
# What is too long for one word of a command, and what is written too much of.
succeeds 'long = plan.run_sh(run = "wc -c <<END | xargs\n" + "0123456789\n" * 20000 + "END")
plan.run_sh(run = "yes | head -c 300000")
return long.output' '...
'
equal "$(jq -r . "$E/runs/last/result.json")" 220000
# A task mounts what another made anew: it runs again.
twice='page = plan.render_templates({"in": struct(template = "{{.}}", data = "one")}, "page")
return plan.run_sh(run = "cat /in/in", files = {"/in": page}).output'
succeeds "$twice"
succeeds "${twice/\"one\"/\"two\"}"
equal "$(jq -r . "$E/runs/last/result.json")" two

# ---- run_python
succeeds 'first = plan.run_python(run = "\n".join(["import sys, os", "print(\"$HOME `id` \\\\ \" + \"|\".join(sys.argv[1:]))",
    "open(\"/made\", \"w\").write(os.environ.get(\"WORD\", \"unset\"))"]),
    args = ["a b", "$x", "*"], store = [StoreSpec("/made", "made")], env_vars = {"WORD": "word"})
second = plan.run_python(name = "reader", run = "import sys; print(open(\"/in/made\").read(), sys.argv[1], '"'"'" + first.code + "'"'"')",
    args = [first.code], files = {"/in": first.files_artifacts[0]}, image = "python:3.11-slim", wait = "60s", description = "Reading")
bad = plan.run_python(run = "raise SystemExit(3)", acceptable_codes = [3])
any = plan.run_python(run = "1/0", skip_code_check = True)
plan.verify(any.code, "==", 1)
plan.verify(any.output, "!=", "")
return [first.output, second.output, bad.code]' "
Running Python script
Command returned with exit code '0' and the following output:
--------------------
\$HOME \`id\` \\ a b|\$x|*" "
Reading
" ZeroDivisionError
equal "$(jq -c . "$E/runs/last/result.json")" '["$HOME `id` \\ a b|$x|*\n","word 0 0\n","3"]'
again_skips
fails 'plan.run_python(run = "import sys; sys.exit(5)")' \
    "Run python returned exit code '5' that is not part of the acceptable status codes '[0]'" case.star:2:
fails 'plan.run_python(run = "syntax error")' "SyntaxError"
fails 'plan.run_python(run = "import time; time.sleep(30)", wait = "400ms")' "timed out after 0.4 seconds"
fails 'plan.run_python(run = "1", packages = ["nothing"])' 'pip exited with code' case.star:2:
fails 'plan.run_python(run = "1", image = "busybox")' "exit code '127'" python
fails 'plan.run_python(run = "1", args = [1])' "'args[0]' argument must be a string"
fails 'plan.run_python(run = "1", privileged = True)' 'unexpected keyword argument "privileged"'
fails 'plan.run_python(args = [])' 'missing argument for run'
finish
