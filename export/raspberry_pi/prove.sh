#!/bin/sh
# Show that models hear on ARM what they hear on this machine: a whole Debian for ARM, under qemu-user.
set -eu

usage() {
    cat <<'END'
usage: sudo sh export/raspberry_pi/prove.sh [OPTIONS]

Makes a Debian for ARM in a folder (debootstrap), runs install.sh in it under qemu-user, lets each model listen to a
recording there and here, and compares all scores and events. Exits with 1 if they differ, with 2 if it cannot tell.
A quarter of an hour and 1.5 GB; needs root, the network, and: apt-get install debootstrap qemu-user-static

  --arch ARCH       arm64 (default) or armhf, which is 32 bits and takes .tflite models only
  --cpu NAME        processor: cortex-a53 (Pi 3, Zero 2 W), cortex-a72 (Pi 4, default) or cortex-a76 (Pi 5);
                    for armhf cortex-a7 (Pi 2)
  --model FILE      model; may be given several times. By default the bundled one
  --recording FILE  mono recording at any rate; by default the bundled one
  --tolerance X     largest difference of a score that is none; by default 1e-3
  --in DIR          folder of the Debian; by default /var/tmp/kws-prove-ARCH
  --keep            leave the folder; the next run goes on in it
  --suite NAME      Debian's release; by default bookworm, as Raspberry Pi OS 12
  --mirror URL      by default the one that this machine's apt uses for Debian
  --help            show this

PYTHON names the interpreter that runs the models here; by default .venv/bin/python, else python3.
example: sudo sh export/raspberry_pi/prove.sh --model kws/assets/computer.onnx --model computer.tflite --keep
END
}

fail() {
    echo "error: $*" >&2
    exit 2
}

# Seconds since the start before each line.
step() {
    echo "[$(($(date +%s) - started)) s] $*"
}

value_of() {
    [ "$1" -ge 2 ] || fail "$2 needs a value (see --help)"
}

parse() {
    while [ $# -gt 0 ]; do
        case $1 in
            --arch) value_of $# "$1" && arch=$2 && shift ;;
            --model) value_of $# "$1" && models="$models$2
" && shift ;;
            --recording) value_of $# "$1" && recording=$2 && shift ;;
            --tolerance) value_of $# "$1" && tolerance=$2 && shift ;;
            --in) value_of $# "$1" && folder=$2 && shift ;;
            --suite) value_of $# "$1" && suite=$2 && shift ;;
            --mirror) value_of $# "$1" && mirror=$2 && shift ;;
            --cpu) value_of $# "$1" && cpu=$2 && shift ;;
            --keep) keep=yes ;;
            --help | -h) usage && exit 0 ;;
            *) fail "$1 is no option of this script (see --help)" ;;
        esac
        shift
    done
}

check_options() {
    case $arch in
        arm64) machine=aarch64 cpu=${cpu:-cortex-a72} cpu_architecture=8 ;;
        armhf) machine=arm cpu=${cpu:-cortex-a7} cpu_architecture=7 ;;
        *) fail "--arch is '$arch'; accepted are arm64 and armhf" ;;
    esac
    choose_processor
    [ -n "$models" ] || [ "$arch" = arm64 ] ||
        fail "--arch armhf needs --model FILE.tflite: the bundled model is for 64 bits"
    [ -n "$models" ] || models="$repository/kws/assets/computer.onnx
"
    printf '%s' "$models" | while read -r model; do
        [ -f "$model" ] || fail "--model $model: no such file"
    done
    [ -f "$recording" ] || fail "--recording $recording: no such file"
    folder=${folder:-/var/tmp/kws-prove-$arch}
    case $folder in
        /?*) ;;
        *) fail "--in is '$folder'; accepted is a path from /" ;;
    esac
    # What this script did not make, it does not fill, and does not remove.
    [ -e "$folder/$mark" ] || [ -z "$(ls -A "$folder" 2>/dev/null)" ] ||
        fail "$folder is there and not of this script; --in takes a new or an empty folder"
}

# Number and features as /proc/cpuinfo has them on the boards.
choose_processor() {
    features="fp asimd evtstrm crc32 cpuid"
    case $arch-$cpu in
        arm64-cortex-a53) part=0xd03 ;;
        arm64-cortex-a72) part=0xd08 ;;
        arm64-cortex-a76)
            part=0xd0b
            features="$features aes pmull sha1 sha2 atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp"
            ;;
        armhf-cortex-a7)
            part=0xc07
            features="half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm"
            ;;
        *) fail "--cpu is '$cpu'; accepted are cortex-a53, cortex-a72 and cortex-a76, for armhf cortex-a7" ;;
    esac
}

check_machine() {
    [ "$(id -u)" -eq 0 ] || fail "debootstrap and chroot need root; call this through sudo"
    for needed in /usr/sbin/debootstrap "/usr/lib/binfmt.d/qemu-$machine.conf"; do
        [ -e "$needed" ] || fail "there is no $needed: apt-get install debootstrap qemu-user-static"
    done
    "$python" -c 'import kws.runtime, soundfile, soxr' 2>/dev/null ||
        fail "$python cannot run models; name one that can: PYTHON=/path/to/python"
}

# The kernel starts programs for ARM through qemu once it is told so. Where no boot did that, it is told for this run.
register_qemu() {
    [ ! -e "$binfmt/qemu-$machine" ] || return 0
    if [ ! -e "$binfmt/register" ]; then
        mount -t binfmt_misc none "$binfmt" || fail "this machine's kernel cannot be told about programs for ARM"
        mounted=yes
    fi
    [ ! -e "$binfmt/qemu-$machine" ] || return 0
    cat "/usr/lib/binfmt.d/qemu-$machine.conf" >"$binfmt/register" || fail "qemu could not be registered"
    registered="$binfmt/qemu-$machine"
}

clean_up() {
    [ -z "$registered" ] || echo -1 >"$registered"
    [ -z "$mounted" ] || umount "$binfmt"
    rm -f "$here_json"
    [ -n "$keep" ] || [ ! -e "$folder/$mark" ] || rm -rf --one-file-system "$folder"
}

# In both notations of apt: "deb [options] URL suite", and "URIs: URL".
apt_mirror() {
    cat "$1/sources.list" "$1"/sources.list.d/*.list "$1"/sources.list.d/*.sources 2>/dev/null |
        awk '$1 == "deb" || $1 == "URIs:" {
            for (i = 2; i <= NF; i++) if ($i ~ /^(https?|file):.*\/debian\/?$/) { print $i; exit }
        }'
}

make_debian() {
    [ ! -e "$folder/$mark.made" ] || { step "Debian is there: $folder" && return; }
    mirror=${mirror:-$(apt_mirror /etc/apt)}
    [ -n "$mirror" ] || fail "no Debian mirror in /etc/apt; name one: --mirror URL"
    step "Debian $suite for $arch into $folder"
    mkdir -p "$folder"
    touch "$folder/$mark"
    debootstrap --arch="$arch" --variant=minbase --foreign "$suite" "$folder" "$mirror" >"$log" 2>&1 ||
        fail_with_log debootstrap
    inside /debootstrap/debootstrap --second-stage >>"$log" 2>&1 || fail_with_log debootstrap
    touch "$folder/$mark.made"
}

fail_with_log() {
    tail -n 15 "$log" >&2
    fail "$1 failed; the whole of what it said is in $log"
}

# What runtimes ask for to choose their kernels. This machine's own /proc and /sys would tell of another processor.
describe_processor() {
    mkdir -p "$folder/sys/devices/system/cpu" "$folder/proc"
    echo 0-3 | tee "$folder/sys/devices/system/cpu/possible" >"$folder/sys/devices/system/cpu/present"
    for number in 0 1 2 3; do
        printf 'processor\t: %s\nFeatures\t: %s\nCPU implementer\t: 0x41\n' "$number" "$features"
        printf 'CPU architecture: %s\nCPU variant\t: 0x0\nCPU part\t: %s\nCPU revision\t: 4\n\n' \
            "$cpu_architecture" "$part"
    done >"$folder/proc/cpuinfo"
}

# Nothing of this machine but its network and how pip reaches packages.
inside() {
    chroot "$folder" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 OMP_NUM_THREADS=1 \
        QEMU_CPU="$cpu" PIP_CERT=/kws/certificates.pem ${PIP_INDEX_URL:+PIP_INDEX_URL="$PIP_INDEX_URL"} "$@"
}

install_toolkit() {
    step "install.sh under qemu"
    rm -rf "$folder/kws"
    mkdir "$folder/kws"
    cp -L /etc/resolv.conf "$folder/etc/resolv.conf"
    cp -L "${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}" "$folder/kws/certificates.pem"
    (cd "$repository" &&
        cp -R kws data_tools export tools setup.cfg pyproject.toml README.md LICENSE apt-packages*.txt "$folder/kws")
    # On 32 bits TensorFlow Lite is what install.sh takes anyhow.
    extras=mic
    [ "$arch" = armhf ] || extras=mic,tflite
    inside sh /kws/export/raspberry_pi/install.sh --extras "$extras" >"$log" 2>&1 || fail_with_log install.sh
    sed -n '/^== trying/,$p' "$log"
    release=$(sed -n 's/PRETTY_NAME=//p' "$folder/etc/os-release")
    echo "$(inside uname -m), $(inside dpkg --print-architecture), $release"
    show_service
}

# There is no systemd in a Debian that was not booted: what it would be told is shown, and not started.
show_service() {
    [ "$arch" = arm64 ] || return 0
    step "the unit that kws install-service would write"
    inside /opt/kws/bin/kws install-service --run-as pi --dry-run -- --device usb
}

compare() {
    n_different=0
    hearing=$repository/tools/hearing.py
    heard=/kws/heard/$(basename "$recording")
    mkdir -p "$folder/kws/heard"
    cp "$recording" "$folder$heard"
    while read -r model; do
        step "$(basename "$model")"
        copy=/kws/heard/$(basename "$model")
        cp "$model" "$folder$copy"
        # Programs in this loop must not read what it reads.
        "$python" "$hearing" take "$model" "$recording" "$here_json" </dev/null || fail "$model does not run here"
        inside /opt/kws/bin/python /kws/tools/hearing.py take "$copy" "$heard" /kws/there.json </dev/null ||
            fail "$model does not run on $arch"
        "$python" "$hearing" compare "$here_json" "$folder/kws/there.json" --tolerance "$tolerance" </dev/null ||
            n_different=$((n_different + 1))
    done <<END
$(printf '%s' "$models")
END
}

repository=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON:-$repository/.venv/bin/python}
[ -x "$python" ] || python=python3
export PYTHONPATH="$repository"
started=$(date +%s)
arch=arm64
cpu=
models=
recording=$repository/kws/assets/demo.flac
tolerance=1e-3
folder=
keep=
suite=bookworm
mirror=
mark=.made-by-kws-prove
binfmt=/proc/sys/fs/binfmt_misc
registered=
mounted=

parse "$@"
check_options
check_machine
here_json=$(mktemp)
log=$(mktemp -t kws-prove.XXXXXX.log)
trap clean_up EXIT
trap 'exit 130' INT TERM
register_qemu
make_debian
describe_processor
install_toolkit
compare
rm -f "$log"
if [ "$n_different" -gt 0 ]; then
    step "DIFFERENT: $n_different of the models"
    exit 1
fi
step "the same on $arch, $cpu"
