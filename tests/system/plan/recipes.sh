#!/bin/bash
# The instructions that ask and tell: exec, request, wait, verify, print and get_cluster_type.
# limit: 180
. "$KFS_TOP/tests/system/lib/test.sh"
. "$KFS_TOP/tests/system/lib/plan.sh"
image_load busybox
kfsd_start
E=$K/enclaves/e
mkdir "$E"

# A web server whose pages are scripts; port 81 is closed.
mkdir "$E/files/pages"
page() {
    { echo '#!/bin/sh' && cat; } >"$E/files/pages/$1"
    chmod +x "$E/files/pages/$1"
}
page json <<'END'
printf 'Content-Type: application/json\r\n\r\n{"height": 12, "tags": ["a", "b"], "none": null, "deep": {"x": 1.5}}'
END
page echo <<'END'
printf 'Content-Type: text/plain\r\n\r\n'
printf '%s %s %s %s ' "$REQUEST_METHOD" "$QUERY_STRING" "$CONTENT_TYPE" "$HTTP_COOKIE"
head -c "${CONTENT_LENGTH:-0}"
END
page gone <<'END'
printf 'Status: 410 Gone\r\nContent-Type: text/plain\r\n\r\nno more\nof it'
END
page moved <<'END'
printf 'Status: 302 Found\r\nLocation: /cgi-bin/echo?followed\r\n\r\n'
END
page slow <<'END'
sleep 30
END
succeeds 'plan.add_service("web", ServiceConfig("busybox", cmd = ["httpd", "-f", "-p", "80", "-h", "/www"],
    files = {"/www/cgi-bin": "pages"},
    ports = {"http": PortSpec(80, application_protocol = "http"), "closed": PortSpec(81, wait = None)}))
plan.add_service("idle", ServiceConfig("busybox", cmd = ["sleep", "1000"]))'

# ---- exec
uuid=$(cat "$E/services/web/uuid")
succeeds 'none = plan.exec("web", ExecRecipe(command = ["true"]))
one = plan.exec(service_name = "web", recipe = ExecRecipe(["printf", "one"]), description = "Saying one")
many = plan.exec("web", ExecRecipe(["sh", "-c", "echo first; echo $1", "sh", one["output"]]))
bad = plan.exec("web", ExecRecipe(["sh", "-c", "printf err >&2; exit 3"]), acceptable_codes = [0, 3])
any = plan.exec("web", ExecRecipe(["sh", "-c", "echo why; exit 77"]), skip_code_check = True, timeout = "20s")
json = plan.exec("'"$uuid"'", ExecRecipe(["echo", "{\"n\": 7, \"l\": [1, \"two\"]}"],
    extract = {"n": "fromjson | .n", "l": "fromjson | .l", "each": "fromjson | .l[]"}), timeout = None)
short = plan.exec("'"${uuid:0:12}"'", ExecRecipe(["hostname"]))
plan.verify(json["extract.n"], "==", 7)
plan.verify(any["code"], "==", 77)
return [none["code"], one["output"], many["output"], bad["code"], json["extract.n"], json["extract.l"],
    json["extract.each"], "n is " + json["extract.n"], sorted(json.keys())]' \
    "
Executing command on service 'web'
Command returned with exit code '0' with no output
" "
Saying one
Command returned with exit code '0' and the following output: one
" "
Command returned with exit code '0' and the following output:
--------------------
first
one
--------------------
" "Command returned with exit code '3' and the following output: err
" "exit code '77' and the following output:
--------------------
why"
equal "$(jq -c . "$E/runs/last/result.json")" \
    '["0","one","first\none\n","3","7","[1, \"two\"]","[1, \"two\"]","n is 7",["code","extract.each","extract.l","extract.n","output"]]'
again_skips
fails 'plan.exec("nobody", ExecRecipe(["true"]))' "exec for service 'nobody' which doesn't exist" case.star:2:
fails 'plan.exec("web")' 'missing argument for recipe'
fails 'plan.exec("web", ["true"])' "'recipe' argument must be ExecRecipe" "'list'"
fails 'plan.exec("web", GetHttpRequestRecipe("http", "/"))' ExecRecipe GetHttpRequestRecipe
fails 'plan.exec("web", ExecRecipe(["true"]), acceptable_codes = ["0"])' "'acceptable_codes[0]' argument must be an int"
fails 'plan.exec("web", ExecRecipe(["true"]), timeout = "soon")' "'timeout' argument must be a duration"
fails 'plan.exec("web", ExecRecipe(["sh", "-c", "echo why; echo not; exit 5"]))' \
    'executing instruction (number 1) at [case.star:2:' \
    "Exec returned exit code '5' that is not part of the acceptable status codes '[0]', with output:
  why
  not"
fails 'plan.exec("web", ExecRecipe(["/no/such/program"]))' "exit code '127'" 'no such file or directory'
fails 'plan.exec("web", ExecRecipe(["sleep", "30"]), timeout = "300ms")' "Exec on service 'web' did not end within '300ms'"
fails 'plan.exec("web", ExecRecipe(["echo", "text"], extract = {"n": "fromjson | .n"}))' "No field" 'fromjson | .n' text
fails 'plan.exec("web", ExecRecipe(["echo"], extract = {"n": ".["}))' "field extractor '.['"
fails 'plan.stop_service("idle")
plan.exec("idle", ExecRecipe(["true"]))' "service 'idle' is not running (it ended with exit code 143)" 'plan.start_service' case.star:3:
succeeds 'plan.start_service("idle")'

# ---- request
succeeds 'text = plan.exec("web", ExecRecipe(["printf", "a=1"]))["output"]
page = plan.request("web", GetHttpRequestRecipe("http", "/cgi-bin/json", extract = {
    "height": ".height", "tags": ".tags", "all": ".tags[]", "deep": ".deep.x", "missing": ".none // \"d\""}))
get = plan.request(service_name = "web", recipe = GetHttpRequestRecipe(port_id = "http",
    endpoint = "/cgi-bin/echo?" + text, headers = {"Cookie": text}), description = "Asking")
post = plan.request("web", PostHttpRequestRecipe("http", "/cgi-bin/echo", body = "body " + text))
typed = plan.request("web", PostHttpRequestRecipe("http", "/cgi-bin/echo?q", "x", "text/" + text))
gone = plan.request("web", GetHttpRequestRecipe("http", "/cgi-bin/gone"), acceptable_codes = [410])
any = plan.request("web", GetHttpRequestRecipe("http", "/none"), skip_code_check = True, timeout = None)
moved = plan.request("web", GetHttpRequestRecipe("http", "/cgi-bin/moved"), timeout = "20s")
plan.verify(page["extract.height"], ">=", 12)
plan.verify(any["code"], "==", 404)
return [page["code"], page["extract.tags"], page["extract.all"], page["extract.deep"], page["extract.missing"],
    get["body"], post["body"], typed["body"], gone["code"], moved["body"]]' \
    "
Running 'GET' request on service 'web'
Request had response code '200' and body \"{\\\"height\\\": 12" ", with extracted fields:
'extract." "
'extract.height': 12" "
'extract.missing': \"d\"" '
Asking
Request had' "Running 'POST' request on service 'web'" "Request had response code '410' and body \"no more\\nof it\"
"
equal "$(jq -c . "$E/runs/last/result.json")" \
    '["200","[\"a\", \"b\"]","[\"a\", \"b\"]","1.5","d","GET a=1  a=1 ","POST  application/json  body a=1","POST q text/a=1  x","410","GET followed   "]'
again_skips
fails 'plan.request("nobody", GetHttpRequestRecipe("http", "/"))' \
    "Tried creating a request for service 'nobody' which doesn't exist" case.star:2:
fails 'plan.request("web", GetHttpRequestRecipe("https", "/"))' \
    "Request required port ID 'https' to exist on service 'web' but it doesn't" case.star:2:
fails 'plan.request("web", ExecRecipe(["true"]))' GetHttpRequestRecipe
fails 'plan.request("web", GetHttpRequestRecipe("http"))' 'missing argument for endpoint'
fails 'plan.request("web", GetHttpRequestRecipe("http", "/cgi-bin/gone"))' \
    'executing instruction (number 1) at [case.star:2:' \
    "Request returned status code '410' that is not part of the acceptable status codes '[200 201 202 203 204 205 206 207 208 226]'" \
    "  no more
  of it"
fails 'plan.request("web", GetHttpRequestRecipe("closed", "/"))' "http://$(cat "$E/services/web/ip"):81/" "Connection refused"
fails 'plan.request("web", GetHttpRequestRecipe("http", "/cgi-bin/slow"), timeout = "300ms")' "Request on service 'web' did not end within '300ms'"
fails 'plan.request("web", GetHttpRequestRecipe("http", "/cgi-bin/echo", extract = {"a": ".a"}))' "the answer is not JSON, which extractors need: 'GET "
fails 'plan.request("web", GetHttpRequestRecipe("http", "/cgi-bin/json", extract = {"a": ".none"}))' "No field" "'.none'" '{"height"'

# ---- wait
succeeds 'waited = plan.wait("idle", ExecRecipe(["sh", "-c", "echo >>/n; wc -l </n"], extract = {"n": "tonumber"}),
    "extract.n", ">=", 3, interval = "20ms", timeout = "30s")
page = plan.wait(service_name = "web", recipe = GetHttpRequestRecipe(port_id = "http", endpoint = "/cgi-bin/json"),
    field = "code", assertion = "IN", target_value = [200, 201], description = "Until it is up")
plan.wait("web", GetHttpRequestRecipe("http", "/cgi-bin/gone"), "code", "==", 410)
plan.wait("web", PostHttpRequestRecipe("http", "/cgi-bin/echo", body = page["code"]), "body", "!=", page["body"])
plan.verify(waited["extract.n"], "==", 3)
return [waited["code"], page["body"]]' \
    "Waiting for at most '30s' for service 'idle' to reach a certain state
Wait took 3 tries (" "s in total). Assertion passed with following:
Command returned with exit code '0'" "
Until it is up
Wait took 1 tries (" "Assertion passed with following:
Request had response code '200'" "Waiting for at most '10s' for service 'web'"
equal "$(jq -r .[0] "$E/runs/last/result.json")" 0
again_skips
fails 'plan.wait("idle", ExecRecipe(["echo", "no"]), "output", "==", "yes", interval = "100ms", timeout = "900ms")' \
    'executing instruction (number 1) at [case.star:2:' \
    "Recipe execution timed-out waiting for the recipe execution to become valid on service 'idle'. Tried '" \
    "Last assertion execution error was: Assertion failed 'no
' '==' 'yes'"
fails 'plan.wait("web", GetHttpRequestRecipe("closed", "/"), "code", "==", 200, timeout = "500ms")' \
    "Tried '1' times. Last recipe execution error was: " "Connection refused"
fails 'plan.wait("idle", ExecRecipe(["true"]), "code", "==", "0", timeout = "500ms")' \
    "Verify failed because '0' is type 'int' and '0' is type 'string'"
fails 'plan.wait("idle", ExecRecipe(["sh", "-c", "kill $(pidof sleep); sleep 5"]), "code", "==", 0, timeout = "20s")' \
    "'idle' has ended with exit code 143" 'in vain'
succeeds 'plan.start_service("idle")'
fails 'plan.wait("nobody", ExecRecipe(["true"]), "code", "==", 0)' "wait for service 'nobody' which doesn't exist" case.star:2:
fails 'plan.wait("web", GetHttpRequestRecipe("https", "/"), "code", "==", 0)' "port ID 'https' to exist on service 'web'"
fails 'plan.wait("web", ExecRecipe(["true"]), "body", "==", "")' "no field 'body'; it has 'code', 'output'" case.star:2:
fails 'plan.wait("web", ExecRecipe(["true"]), "code", "=", 0)' "'assertion' argument is '='" case.star:2:
fails 'plan.wait("web", ExecRecipe(["true"]), "code", "IN", 0)' "'IN' needs a list"
fails 'plan.wait("web", ExecRecipe(["true"]), "code", "==", 0, interval = "often")' "'interval' argument must be a duration"
fails 'plan.wait("web", ExecRecipe(["true"]), "code", "==")' 'missing argument for target_value'

# ---- verify
succeeds 'code = plan.exec("web", ExecRecipe(["sh", "-c", "printf abc; exit 4"]), acceptable_codes = [4])
plan.verify(code["code"], "==", 4)
[plan.verify(code["code"], o, t) for o, t in [("!=", 5), ("<", 5), ("<=", 4), (">", 3), (">=", 4), ("IN", [3, 4]), ("NOT_IN", (5, 6))]]
plan.verify(value = code["output"], assertion = "==", target_value = "abc", description = "Comparing")
plan.verify("<" + code["output"] + ">", "==", "<abc>")
plan.verify("abc", "==", code["output"])
plan.verify("b", "IN", ["a", "b"])' \
    "
Verifying whether two values meet a certain condition '=='
Verification succeeded. Value is '4'.
" "condition 'NOT_IN'" "
Comparing
Verification succeeded. Value is 'abc'.
" "Value is '<abc>'."
again_skips
fails 'plan.verify("1", "==", "2")' "Verification failed '1' '==' '2'" 'executing instruction (number 1) at [case.star:2:'
fails 'plan.verify("a", "IN", ["b"])' "Verification failed 'a' 'IN' '[\"b\"]'"
fails 'plan.verify("1", "==", 1)' "Verify failed because '1' is type 'string' and '1' is type 'int'"
fails 'plan.verify(1, "==", 1)' "'value' argument must be a string" "'int'" case.star:2:
fails 'plan.verify("1", "~", "1")' "'assertion' argument is '~'"
fails 'plan.verify("1", "NOT_IN", "123")' "'NOT_IN' needs a list"
fails 'plan.assert("1", "==", "1")' 'plan.verify'

# ---- print and get_cluster_type
succeeds 'out = plan.exec("web", ExecRecipe(["printf", "two\\nlines"]))["output"]
plan.print("{}, as is: \"{}\"".format(out, "q"))
plan.print(msg = ["a", 1, True, None, {"k": 1.5}, struct(b = 1, a = "x")], description = "Telling")
plan.print(7)
plan.print(plan.get_cluster_type())
if plan.get_cluster_type() == "docker":
    plan.print("in a container")' '
Printing a message
two
lines, as is: "q"
' '
Telling
["a", 1, True, None, {"k": 1.5}, struct(a = "x", b = 1)]
' '
Printing a message
7
' "
Fetching cluster type
Fetched cluster type 'docker'
" '
Printing a message
docker
' 'in a container'
again_skips
fails 'plan.print("a", "b", "c")' 'print'
fails 'plan.print()' 'missing argument for msg'
fails 'print("a")' 'plan.print' case.star:2:
fails 'plan.get_cluster_type("docker", "x")' get_cluster_type
finish
