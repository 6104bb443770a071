#!/usr/bin/env bash
# The best kernels by themselves: with an OpenBLAS that does not know the processor, with kernels that multiply wrongly or end
# with an illegal instruction, with the user's choice, on ranks whose processors differ.
. "$(dirname "$0")/support.sh"
export OMP_NUM_THREADS=1
has() { for flag in "$@"; do grep -qw "$flag" /proc/cpuinfo || return 1; done; }
kernels() { "$fairstamp" --version | sed -n 's/.*(kernels for \(.*\))$/\1/p'; }
own=$(kernels)
runs() { # TYPE FLAG...: whether the processor and this OpenBLAS have it
    has "${@:2}" && [ "$(OPENBLAS_CORETYPE=$1 kernels)" = "$1" ]
}
types=()
wide=(avx512f avx512cd avx512bw avx512dq avx512vl)
! runs Cooperlake "${wide[@]}" avx512_bf16 || types+=(Cooperlake)
! runs SkylakeX "${wide[@]}" || types+=(SkylakeX)
! runs Haswell avx2 fma || types+=(Haswell)
! runs Zen avx2 fma || types+=(Zen)
! runs Sandybridge avx || types+=(Sandybridge)
[ ${#types[@]} -gt 1 ] || { echo "skipped: no kernels but the oldest"; exit 0; }
best=${types[0]} next=${types[1]} all=$(IFS=,; echo "${types[*]}")
unset FAKE_WRONG FAKE_ILLEGAL
fake() { LD_PRELOAD=$FAKE_OPENBLAS "$@"; }

[ "$(fake kernels)" = "$best" ] || fail "an unknown processor: kernels for $(fake kernels), expected $best"
starts() { OPENBLAS_VERBOSE=2 "$fairstamp" --version 2>&1 >"$scratch/out" | grep -c '^Core: '; }
[ "$(starts)" = 1 ] && [ "$own" = "$best" ] || [ "$own" != "$best" ] || fail "a known processor: $(starts) starts"
[ "$(fake starts)" = 2 ] || fail "an unknown processor: $(fake starts) starts, expected 2"
[ "$(FAKE_WRONG=$best fake kernels)" = "$next" ] || fail "wrong products: $(FAKE_WRONG=$best fake kernels)"
[ "$(FAKE_ILLEGAL=$best fake kernels)" = "$next" ] || fail "an illegal instruction: $(FAKE_ILLEGAL=$best fake kernels)"
[ "$(FAKE_ILLEGAL=$all fake kernels)" = Prescott ] || fail "none is right: $(FAKE_ILLEGAL=$all fake kernels)"
[ "$(OPENBLAS_CORETYPE=Nehalem fake kernels)" = Nehalem ] || fail "the user's choice does not win"
[ "$(OPENBLAS_CORETYPE='' fake kernels)" = "$best" ] || fail "an empty choice is taken for one"

# what doctor says
FAKE_WRONG=$best expect 0 env "LD_PRELOAD=$FAKE_OPENBLAS" "$fairstamp" doctor --quiet
grep -E '^ok +kernels ' "$scratch/out" | grep -F "for $next (in place of Prescott" | grep -qF "passed over: $best (wrong products)" ||
    fail "doctor: $(cat "$scratch/out")"
FAKE_ILLEGAL=$all expect 0 env "LD_PRELOAD=$FAKE_OPENBLAS" "$fairstamp" doctor --quiet
grep -E '^warning +kernels ' "$scratch/out" | grep -qF "runs kernels for $best, but OpenBLAS uses slower ones for Prescott" ||
    fail "doctor: $(cat "$scratch/out")"
OPENBLAS_CORETYPE=$best FAKE_WRONG=$best expect 69 env "LD_PRELOAD=$FAKE_OPENBLAS" "$fairstamp" doctor --quiet
grep -qE "^failed +kernels .*$best do not multiply matrices rightly" "$scratch/out" || fail "doctor: $(cat "$scratch/out")"

# a stage on ranks: the bits of the kernels that are chosen, and the choice in the file
attribute() { "$fairstamp" inspect "$scratch/$1/trace.h5" | grep -F "$2" | grep -qF -- "$3" || fail "$1: $2: $("$fairstamp" inspect "$scratch/$1/trace.h5" | grep -F openblas)"; }
trace() { fake_or_not=("${@:2}") && expect 0 mpirun "${fake_or_not[@]}" trace "$here/data/job.json" --set "output=$scratch/$1"; }
trace chosen -n 2 -x "LD_PRELOAD=$FAKE_OPENBLAS" "$fairstamp"
says "OpenBLAS kernels for $best (in place of Prescott"
attribute chosen openblas_kernels "$best"
attribute chosen openblas_kernels_choice 'in place of Prescott'
trace forced -n 2 -x "OPENBLAS_CORETYPE=$best" "$fairstamp"
says "(forced by OPENBLAS_CORETYPE=$best)"
expect 0 "$fairstamp" verify --equal "$scratch/chosen/trace.h5" "$scratch/forced/trace.h5"
trace mixed -n 1 -x OPENBLAS_CORETYPE=Nehalem "$fairstamp" trace "$here/data/job.json" --set "output=$scratch/mixed" : -n 1 "$fairstamp"
says 'the last bits depend on which rank computes what'
attribute mixed openblas_kernels "Nehalem; others on 1 of 2 ranks (rank 1: $own)"
finish
