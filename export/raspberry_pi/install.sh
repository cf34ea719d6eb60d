#!/bin/sh
# Install what a detector needs on a Raspberry Pi, or any other Debian: no PyTorch, nothing to train with.
set -eu

usage() {
    cat <<'END'
usage: sh export/raspberry_pi/install.sh [OPTIONS] [-- RUN-OPTIONS]

Installs Debian packages (as root, or through sudo), a virtual environment with this toolkit and what runs its
models, and tries it out on the bundled recording. Called again, it brings an installation up to date.

64-bit systems get ONNX Runtime; 32-bit ones get TensorFlow Lite, and need a .tflite model.

  --into DIR        where; by default /opt/kws for root, else ~/.local/share/kws
  --extras LIST     what the toolkit is installed with besides a runtime; by default mic
                    (also: sounddevice,actions,wyoming; see setup.cfg; "" for none)
  --service         let systemd start it: as root for the system, else for this user, also at boot
  --run-as USER     as root: the user that the service runs as; by default who called sudo
  --force           replace a different service that is there
  --dry-run         show the commands, change nothing
  --help            show this

What stands after -- are the options of kws run for the service.

examples:
  sh export/raspberry_pi/install.sh
  sh export/raspberry_pi/install.sh --service -- --device usb --exec 'aplay ding.wav'
  sudo sh export/raspberry_pi/install.sh --into /opt/kws --extras mic,actions --dry-run
END
}

fail() {
    echo "error: $*" >&2
    exit 2
}

step() {
    echo "== $*"
}

# Show a command, and run it unless nothing is to be changed.
run() {
    printf '+'
    printf ' %s' "$@"
    printf '\n'
    [ -n "$dry_run" ] || "$@"
}

value_of() {
    [ "$1" -ge 2 ] || fail "$2 needs a value (see --help)"
}

parse() {
    while [ $# -gt 0 ]; do
        case $1 in
            --into) value_of $# "$1" && into=$2 && shift ;;
            --extras) value_of $# "$1" && extras=$2 && shift ;;
            --run-as) value_of $# "$1" && run_as=$2 && shift ;;
            --service) service=yes ;;
            --force) force=--force ;;
            --dry-run) dry_run=yes ;;
            --help | -h) usage && exit 0 ;;
            --) shift && break ;;
            *) fail "$1 is no option of this script (see --help)" ;;
        esac
        shift
    done
    n_run_options=$#
}

check_options() {
    case $extras in
        *[!a-z,]*) fail "--extras is '$extras'; accepted are names with commas between them, such as mic,actions" ;;
    esac
    case $into in
        /*) ;;
        *) fail "--into is '$into'; accepted is a path from /" ;;
    esac
    [ -n "$service" ] || [ "$n_run_options" -eq 0 ] || fail "options of kws run are for --service, which is not given"
    [ -z "$run_as" ] || is_root || fail "--run-as is for root; without root the service is your own"
    [ -z "$service" ] || ! is_root || [ -n "$run_as" ] || fail "--service as root needs --run-as USER"
}

is_root() {
    [ "$(id -u)" -eq 0 ]
}

# The user land decides, not the kernel: a 64-bit kernel under a 32-bit system is usual on a Pi 4.
choose_runtime() {
    command -v dpkg >/dev/null || fail "this is no Debian system (no dpkg); pip install '.[onnx,mic]' is the way here"
    architecture=$(dpkg --print-architecture)
    case $architecture in
        arm64 | amd64) bits=64 ;;
        armhf)
            bits=32
            [ "$(uname -m)" != armv6l ] ||
                fail "this processor is an ARMv6 (Pi 1, Zero, Zero W), for which no runtime is published"
            ;;
        *) fail "architecture is $architecture; accepted are arm64, amd64 and armhf" ;;
    esac
}

# Before anything is changed if Python is there, and when it has come.
check_python() {
    command -v python3 >/dev/null || return 0
    minor=$(python3 -c 'import sys; print(sys.version_info[1] if sys.version_info[0] == 3 else 0)')
    [ "$minor" -ge 10 ] || fail "Python is 3.$minor; accepted are 3.10 or newer: Raspberry Pi OS 12 (bookworm) or later"
    [ "$bits" = 64 ] || [ "$minor" -le 11 ] ||
        fail "Python is 3.$minor; on 32 bits accepted are 3.10 and 3.11 (Raspberry Pi OS 12)"
}

install_packages() {
    set -- "$here/apt-packages.txt"
    [ "$bits" = 64 ] || set -- "$@" "$here/apt-packages-32bit.txt"
    case ,$extras, in
        *,mic,*) set -- "$@" "$root/apt-packages-microphone.txt" ;;
    esac
    case ,$extras, in
        *,sounddevice,*) set -- "$@" "$here/apt-packages-sounddevice.txt" ;;
    esac
    step "Debian packages: $(sed 's/#.*//' "$@" | tr -s ' \t\n' ' ')"
    run sh "$root/tools/install_apt.sh" "$@"
}

make_environment() {
    step "virtual environment in $into"
    if "$into/bin/python" -c 'import pip' 2>/dev/null; then
        echo "is there"
        return
    fi
    # What is not an environment would be emptied by what makes one.
    [ -e "$into/pyvenv.cfg" ] || [ -z "$(ls -A "$into" 2>/dev/null)" ] ||
        fail "$into is there and holds something else; --into takes an empty or a new folder"
    if [ "$bits" = 64 ]; then
        run python3 -m venv --clear "$into"
    else
        # numpy and cffi are Debian's: on PyPI they are source code only.
        run python3 -m venv --clear --system-site-packages "$into"
    fi
}

install_toolkit() {
    step "the toolkit and its runtime"
    # From a copy: pip leaves its build folders beside the source, and root would leave them in a user's clone.
    copy=$(mktemp -d)
    trap 'rm -rf "$copy"' EXIT
    for name in kws data_tools export setup.cfg pyproject.toml README.md LICENSE; do
        [ -n "$dry_run" ] || cp -R "$root/$name" "$copy/$name"
    done
    if [ "$bits" = 64 ]; then
        set -- "${copy}[onnx${extras:+,$extras}]"
    else
        # Not by the extra "tflite": it asks for the machine, which is that of the kernel. tflite-runtime needs numpy 1.
        set -- "${copy}${extras:+[$extras]}" 'tflite-runtime>=2.14' 'numpy<2'
    fi
    run "$into/bin/python" -m pip install --disable-pip-version-check "$@" ||
        fail "pip could not install all; what it said is above. Called again, this goes on"
}

try_out() {
    step "trying it out"
    broken="the detector does not run; what it said is above"
    if [ "$bits" = 32 ]; then
        run "$into/bin/python" -c 'import kws, soundfile, soxr, tflite_runtime.interpreter' || fail "$broken"
        echo "The bundled model is for ONNX Runtime; on 32 bits take a .tflite: kws run --model FILE.tflite"
        return
    fi
    run "$into/bin/kws" run --source "$root/kws/assets/demo.flac" || fail "$broken"
}

install_service() {
    step "service of systemd"
    if is_root; then
        # shellcheck disable=SC2086  # --force or nothing
        run "$into/bin/kws" install-service --run-as "$run_as" $force -- "$@"
    else
        # shellcheck disable=SC2086
        run "$into/bin/kws" install-service --user $force -- "$@"
        run loginctl enable-linger
    fi
}

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
extras=mic
service=
force=
dry_run=
run_as=${SUDO_USER:-}
if is_root; then into=/opt/kws; else into=${HOME:-}/.local/share/kws run_as=; fi

parse "$@"
shift $(($# - n_run_options))
check_options
choose_runtime
check_python

echo "$architecture: $bits bits, $([ "$bits" = 64 ] && echo ONNX Runtime || echo TensorFlow Lite)"
install_packages
check_python
make_environment
install_toolkit
try_out
[ -z "$service" ] || install_service "$@"

if [ -n "$dry_run" ]; then step "nothing was changed"; else step "installed"; fi
echo "  $into/bin/kws devices"
echo "  $into/bin/kws run --device usb"
