"""Run tasks on many machines with Dask: on this one, on a running scheduler, or on a batch farm."""

from __future__ import annotations

import importlib
import re
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from hepsets.core.errors import InputError

Task = TypeVar("Task")
Result = TypeVar("Result")

BATCH_SYSTEMS = {
    "slurm": ("SLURMCluster", "sbatch", {"memory": "2 GiB"}),
    "htcondor": ("HTCondorCluster", "condor_submit", {"memory": "2 GiB", "disk": "2 GiB"}),
}
"""Class in dask-jobqueue, command that must be there, and what a job asks for if Dask's own
configuration (``~/.config/dask/jobqueue.yaml``) does not say."""

CONNECT_SECONDS = 10.0
"""How long a scheduler may take to answer."""

_ADDRESS = re.compile(r"(?:tcp|tls)://(?P<host>[^/]+):(?P<port>\d{1,5})")


def check_scheduler(scheduler: str) -> None:
    """Raise :class:`InputError` if ``scheduler`` cannot be the name or the address of one."""
    if scheduler not in ("local", *BATCH_SYSTEMS) and not _ADDRESS.fullmatch(scheduler):
        raise InputError(
            f"scheduler {scheduler!r}", f"local, tcp://HOST:PORT or one of {', '.join(BATCH_SYSTEMS)}"
        )


@contextmanager
def connect(scheduler: str, workers: int) -> Iterator[Any]:
    """A ``distributed.Client`` with workers behind it; both end with the block.

    Parameters
    ----------
    scheduler
        ``local`` (processes on this machine), ``slurm``, ``htcondor``, or the address of a running
        scheduler, whose workers are used as they are and left alone afterwards.
    workers
        Processes, or jobs of one core each.

    Raises
    ------
    InputError
        For an unknown scheduler, one that does not answer, a machine without the batch system, or
        if Dask is not installed.
    """
    check_scheduler(scheduler)
    distributed = _import("distributed")
    with ExitStack() as stack:
        if scheduler == "local":
            from dask import config

            # workers need not be looked at every ten milliseconds by a thread of their own
            stack.enter_context(config.set({"distributed.worker.profile.enabled": False}))
            # Pythia is one object per process: a worker has one thread
            place = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0"
                )
            )
        elif scheduler in BATCH_SYSTEMS:
            place = stack.enter_context(_batch_cluster(scheduler, workers))
        else:
            place = scheduler
        yield stack.enter_context(_client(distributed, place))


def _client(distributed: Any, place: Any) -> Any:
    try:
        if isinstance(place, str):
            _knock(place)  # a Client that cannot connect leaves threads behind
        return distributed.Client(place, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no answer from the scheduler {place} ({error})",
            "the address of a running Dask scheduler",
            "start one with dask scheduler, and workers with dask worker ADDRESS --nthreads 1",
        ) from error


def _knock(address: str) -> None:
    """Raise ``OSError`` if nobody listens at ``address``."""
    match = _ADDRESS.fullmatch(address)
    assert match is not None, "the address has been checked"
    host, port = match["host"].strip("[]"), int(match["port"])
    socket.create_connection((host, port), timeout=CONNECT_SECONDS).close()


def _batch_cluster(scheduler: str, workers: int) -> Any:
    name, command, needs = BATCH_SYSTEMS[scheduler]
    jobqueue = _import("dask_jobqueue")
    if shutil.which(command) is None:
        raise InputError(
            f"no command {command} on this machine", f"a machine that submits jobs to {scheduler}"
        )
    from dask import config

    asked = {key: config.get(f"jobqueue.{scheduler}.{key}", None) or least for key, least in needs.items()}
    cluster = getattr(jobqueue, name)(
        cores=1, processes=1, scheduler_options={"dashboard_address": ":0"}, **asked
    )
    cluster.adapt(minimum_jobs=workers, maximum_jobs=workers)  # jobs that the farm ends are replaced
    return cluster


def _import(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"{module.replace('_', '-')} is not installed",
            "the packages that talk to many machines",
            'pip install "hepsets[farm]"',
        ) from error


def run_tasks(client: Any, function: Callable[[Task], Result], tasks: Mapping[str, Task]) -> Iterator[Result]:
    """Yield ``function(task)`` for each task, in the order in which they finish.

    A task whose worker dies is given to another one (Dask gives up a task that has cost
    ``distributed.scheduler.allowed-failures`` workers their life, three by default). ``function``
    may therefore run more than once for a task and must not mind.

    Parameters
    ----------
    client
        What :func:`connect` yields.
    function
        Must be importable on the workers.
    tasks
        By a key that no other task of the scheduler has.
    """
    distributed = _import("distributed")
    futures = client.map(function, list(tasks.values()), key=list(tasks), pure=False)
    try:
        for future in distributed.as_completed(futures):
            yield future.result()
    finally:
        client.cancel(futures)
