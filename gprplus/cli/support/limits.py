"""Commands that a limit on memory (`ulimit -v`) would end in the middle, without a word."""

from gprplus.core.errors import GprplusError, format_bytes

_LIBRARIES = 800_000_000  # bytes of addresses that numpy and pyarrow take
_TORCH = 1_200_000_000  # torch as well
_TRAINING = 2_200_000_000  # torch, optimiser and the libraries of a report
_A_CORE = 150_000_000  # bytes that the threads of each core beyond the second take
_NEEDS = {
    "layouts": 0,
    "render": _TORCH,
    "analyze": _TORCH,
    "score": _TORCH,
    "embed": _TORCH,
    "benchmark": _TRAINING,
    "run-external": _TRAINING,
    "study": _TRAINING,
    "demo": _TRAINING,
}


def refuse_too_little_memory(command: str) -> None:
    """Raise GprplusError if the address space limit of the process is too small to load a command's
    libraries.

    Beyond that limit libraries abort, each in a different way. Memory limits (of a machine or a
    group) are not checked.
    """
    import resource

    from gprplus.core.parallel import available_cores

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    needed = _NEEDS.get(command, _LIBRARIES)
    needed += _A_CORE * max(0, available_cores() - 2) if needed else 0
    if limit != resource.RLIM_INFINITY and limit < needed:
        raise GprplusError(
            f"gprplus {command} needs {format_bytes(needed)} of address space, and the limit here"
            f" is {format_bytes(limit)}. Raise it with: ulimit -v {needed // 1024}, or ulimit -v"
            " unlimited."
        )
