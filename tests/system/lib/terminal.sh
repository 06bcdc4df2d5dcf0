# terminal.sh - programs driven in a real terminal; sourced after test.sh. One program at a time.
#
#     terminal vim "$P/app.star"      starts it on a screen of 100 by 30
#     shows app.star                  waits until the screen shows this
#     types ':q' Enter                presses keys: words, or tmux's names of keys (Enter, Escape, C-c)
#     ended                           waits until the program has ended

tmux_here() {
    tmux -S "$PWD/terminal" -f /dev/null "$@"
}

# Starts COMMAND as words; what it is to see of the environment is what is exported.
terminal() {
    env -u TMUX TERM=xterm tmux -S "$PWD/terminal" -f /dev/null new-session -d -s t -x 100 -y 30 "$@"
}

screen() {
    tmux_here capture-pane -p -t t
}

screen_has() {
    screen | grep -qF -e "$1"
}

# shows TEXT [SECONDS] - in time, or the test fails and tells what was on the screen instead.
shows() {
    local end=$((SECONDS + ${2:-10} * ${KFS_SLOW:-1}))
    until screen_has "$1" 2>/dev/null; do
        [ $SECONDS -lt $end ] || {
            echo "failed: line ${BASH_LINENO[0]}: the screen never showed '$1' but:" >&2
            screen >&2
            exit 1
        }
        sleep 0.02
    done
}

types() {
    tmux_here send-keys -t t "$@"
}

terminal_is_gone() {
    ! tmux_here has-session -t t 2>/dev/null
}

ended() {
    eventually 10 terminal_is_gone
}
