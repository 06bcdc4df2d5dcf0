# plan.sh - for the tests of plans; sourced after test.sh. $E is the enclave in which they run.
#
# A script's body is given as text and stands in a function run(plan) of the file case.star, from its
# second line and fifth column.

# What is in the enclave: services, files, and Docker's containers behind them.
holdings() {
    ls "$E/services" "$E/files"
    docker ps -aq --no-trunc --filter label=dev.kfs.instance="$INSTANCE" | sort
}

body_write() {
    { echo 'def run(plan):' && sed 's/^/    /' <<<"$1"; } >case.star
    cp case.star "$E/plan/" || fail "no Starlark: $1"
}

# succeeds BODY [PART...] - the run's output has each PART.
succeeds() {
    local part
    body_write "$1"
    cat "$E/wait" >/dev/null || { echo "failed: line ${BASH_LINENO[0]}: $(cat "$E/error")" >&2; exit 1; }
    shift
    OUTPUT=$(cat "$E/runs/last/output")
    for part; do has_here "$OUTPUT" "$part"; done
}

# fails_after BODY PART... - the run's error has each PART.
fails_after() {
    local part
    body_write "$1"
    shift
    if cat "$E/wait" >/dev/null 2>&1; then
        echo "failed: line ${BASH_LINENO[0]}: the run succeeded" >&2
        exit 1
    fi
    equal "$(cat "$E/runs/last/status")" FAILED
    ERROR=$(cat "$E/runs/last/error")
    for part; do has_here "$ERROR" "$part"; done
}

# fails BODY PART... - so, and the enclave and Docker hold what they held before.
fails() {
    local before
    before=$(holdings)
    fails_after "$@"
    equal "$(holdings)" "$before"
}

# has of test.sh, for a judgement that a function of this file makes: it tells the script's line.
has_here() {
    case $1 in *"$2"*) ;; *) echo "failed: line ${BASH_LINENO[1]}: no '$2' in: $1" >&2; exit 1 ;; esac
}

# The same script again does nothing: all of its instructions are skipped.
again_skips() {
    local before
    before=$(holdings)
    cp "$E/runs/last/script" same.star
    cp same.star "$E/plan/case.star"
    cat "$E/wait" >/dev/null || { echo "failed: line ${BASH_LINENO[0]}: $(cat "$E/error")" >&2; exit 1; }
    equal "$(grep -c '^SKIPPED - This instruction has already been run in this enclave$' "$E/runs/last/output")" \
        "$(jq length "$E/runs/last/plan.json")"
    equal "$(holdings)" "$before"
}
