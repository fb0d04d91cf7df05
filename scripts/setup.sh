# Set-up, shared by ./run and ./test. Sourced; every step is skipped when nothing it depends on has changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
VENV=.venv
PY=$VENV/bin/python
PACKAGES=()  # of Debian, wanted beside Switchroom's own
BUILT=()     # the sources that were compiled just now

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

# need_packages PACKAGE...: install what is missing of them, saying so; asks first on a terminal.
need_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    say "Installing Debian packages: ${missing[*]}"
    local sudo=''
    if [ "$(id -u)" -ne 0 ]; then
        sudo=sudo
        if [ -t 0 ]; then
            read -r -p "This asks for your password (sudo apt-get install). Go on? [Y/n] " answer
            case "$answer" in [nN]*) say "Stopped. Install them yourself and start again."; exit 1 ;; esac
        fi
    fi
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# changed NAME FILE...: true when the files differ from those at the last `done_with NAME`.
fingerprint() { cat "$@" | sha256sum | cut -d' ' -f1; }
changed() { local name=$1; shift; [ "$(cat "$VENV/.stamp-$name" 2>/dev/null)" != "$(fingerprint "$@")" ]; }
done_with() { local name=$1; shift; fingerprint "$@" > "$VENV/.stamp-$name"; }

setup_packages() {  # [PACKAGE...]: what is wanted beside what Switchroom itself needs
    need_packages build-essential pkg-config python3 python3-dev python3-venv libre-dev libspandsp-dev libtiff-dev libssl-dev \
        zlib1g-dev espeak-ng sox libsox-fmt-mp3 ca-certificates "$@"
}

setup_environment() {
    if [ ! -x "$PY" ] || ! "$PY" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        say "Making the Python environment ($VENV)"
        rm -rf "$VENV"
        /usr/bin/python3 -m venv "$VENV"
    fi
}

# libraries NAME FILE [OPTION...]: install what the requirements in FILE ask for.
libraries() {
    local name=$1 file=$2
    shift 2
    if changed "$name" "$file"; then
        say "Installing Python libraries ($file)"
        "$VENV/bin/pip" install -q --disable-pip-version-check "$@" -r "$file"
        done_with "$name" "$file"
    fi
}

sources() {
    # Generated C is no source: it follows from the .pyx and the builders.
    find appliance drivers -type f \( -name '*.c' -o -name '*.h' -o -name '*.pyx' -o -name '*.px[di]' -o -name 'build.py' \) \
        ! -name '_*.c' | LC_ALL=C sort
    echo setup.py
    echo pyproject.toml
}

setup_build() {
    local files
    mapfile -t files < <(sources)
    if changed build "${files[@]}" || ! ls appliance/_core.*.so >/dev/null 2>&1; then
        say "Building the C and Cython parts"
        mkdir -p var
        if ! "$PY" setup.py -q build_ext --inplace --parallel "$(nproc)" > var/build.log 2>&1; then
            tail -40 var/build.log >&2
            say "The build failed; all of it is in var/build.log"
            return 1
        fi
        BUILT=("${files[@]}")
    fi
}

# pip would compile all of it once more, in a folder of its own and with one core.
setup_package() {
    [ ${#BUILT[@]} -gt 0 ] || return 0
    SWITCHROOM_COMPILED=1 "$VENV/bin/pip" install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
    done_with build "${BUILT[@]}"
}

setup_bytecode() {
    # Where a process may not write beside its sources (systemd), or is told not to, each start would compile all of them anew.
    "$PY" -m compileall -q appliance drivers web || say "The compiled Python could not be kept here: starts take longer."
}

setup_translations() {
    local files
    mapfile -t files < <(find web/translations -name '*.po' | LC_ALL=C sort)
    if changed translations "${files[@]}"; then
        mkdir -p var
        "$VENV/bin/pybabel" -q compile -d web/translations 2> var/translations.log
        done_with translations "${files[@]}"
    fi
}

setup_prompts() {
    "$PY" -m appliance.cli prompts build
}

# beside_the_build [COMMAND...]: all that needs nothing compiled. The compiler leaves a core idle for most of its time.
beside_the_build() {
    libraries python requirements.txt
    libraries assets requirements-assets.txt --no-deps
    setup_prompts &
    local prompts=$!
    setup_translations
    setup_bytecode
    if [ $# -gt 0 ]; then "$@"; fi
    wait "$prompts"
}

setup_all() {  # [COMMAND...]: what else is to be done beside the build
    setup_packages "${PACKAGES[@]}"
    setup_environment
    libraries build-tools requirements-build.txt
    set -m  # what goes on beside is a group of its own, and ends as a whole where the build fails or somebody presses Ctrl-C
    beside_the_build "$@" &
    local beside=$!
    set +m
    trap 'kill -- "-$beside" 2>/dev/null || true' EXIT
    setup_build || exit 1
    wait "$beside" || exit 1
    trap - EXIT
    setup_package
}
