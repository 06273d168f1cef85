"""Run tasks on many machines with Dask: on this one, on a running scheduler, or on a batch farm."""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from hepsets.core.errors import InputError, reason
from hepsets.core.extras import telling_extras

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

_DASHBOARD = "127.0.0.1:0"
_ROLES = ("client", "scheduler", "worker")

_ADDRESS = re.compile(r"(?:tcp|tls)://(?P<host>[^/]+):(?P<port>\d{1,5})")


def check_scheduler(scheduler: str) -> None:
    """Raise :class:`InputError` if ``scheduler`` cannot be the name or the address of one."""
    if scheduler not in ("local", *BATCH_SYSTEMS) and not _ADDRESS.fullmatch(scheduler):
        raise InputError(
            f"scheduler {scheduler!r}",
            f"local, tls://HOST:PORT, tcp://HOST:PORT or one of {', '.join(BATCH_SYSTEMS)}",
        )


@contextmanager
def connect(scheduler: str, workers: int, folder: Path = Path()) -> Iterator[Any]:
    """A ``distributed.Client`` with workers behind it; both end with the block.

    Whoever may talk to a scheduler runs code as its owner. So a scheduler that is started here takes only
    TLS, with certificates made for this block; only their owner can read those. Its dashboard, which shows
    but does not run, listens to this machine alone.

    Parameters
    ----------
    scheduler
        ``local`` (processes on this machine), ``slurm``, ``htcondor``, or the address of a running
        scheduler, whose workers are used as they are and left alone afterwards.
    workers
        Processes, or jobs of one core each.
    folder
        Where the certificates stand that batch jobs read; every machine must see it under this path.

    Raises
    ------
    InputError
        For an unknown scheduler, one that does not answer, workers that do not start, a machine without
        the batch system, or if Dask is not installed.
    """
    check_scheduler(scheduler)
    distributed = _import("distributed")
    with ExitStack() as stack:
        if scheduler == "local":
            from dask import config

            # workers need not be looked at every ten milliseconds by a thread of their own
            stack.enter_context(config.set({"distributed.worker.profile.enabled": False}))
            place = stack.enter_context(_local_cluster(distributed, workers))
        elif scheduler in BATCH_SYSTEMS:
            place = stack.enter_context(_batch_cluster(scheduler, workers, folder.absolute()))
        else:
            place = scheduler
        yield stack.enter_context(_client(distributed, place))


def _local_cluster(distributed: Any, workers: int) -> Any:
    security = _own_tls()
    try:
        # Pythia is one object per process: a worker has one thread
        return distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=_DASHBOARD, security=security
        )
    except Exception as error:  # whatever Dask, its configuration or the machine end it with
        raise InputError(
            f"{workers} Dask workers that do not start on this machine ({reason(error)})",
            "memory, processes and disk for each",
            "look at what ended them, or try fewer --workers",
        ) from error


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


def _own_tls() -> Any:
    """Certificates of a scheduler, its workers and its client, which are valid for one another alone."""
    _import("cryptography")
    return _import("distributed").Security.temporary()


@contextmanager
def _tls_files(folder: Path) -> Iterator[Any]:
    """The same as files, in a folder that only their owner can look into, while the block lasts."""
    made = _own_tls()
    names = ["tls_ca_file"] + [f"tls_{role}_{part}" for role in _ROLES for part in ("cert", "key")]
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".tls-", dir=folder) as place:
        for name in names:
            path = Path(place) / name
            path.touch(0o600)
            path.write_text(getattr(made, name), encoding="ascii")
            setattr(made, name, str(path))
        yield made


@contextmanager
def _batch_cluster(scheduler: str, workers: int, folder: Path) -> Iterator[Any]:
    name, command, needs = BATCH_SYSTEMS[scheduler]
    jobqueue = _import("dask_jobqueue")
    if shutil.which(command) is None:
        raise InputError(
            f"no command {command} on this machine", f"a machine that submits jobs to {scheduler}"
        )
    if shlex.quote(str(folder)) != str(folder):
        raise InputError(
            f"{folder} for batch jobs", "a path of letters, digits and ._-/", "choose another --out"
        )
    from dask import config

    asked = {key: config.get(f"jobqueue.{scheduler}.{key}", None) or least for key, least in needs.items()}
    with (
        _tls_files(folder) as security,
        getattr(jobqueue, name)(
            cores=1,
            processes=1,
            scheduler_options={"dashboard_address": _DASHBOARD},
            security=security,
            protocol="tls://",
            **asked,
        ) as cluster,
    ):
        cluster.adapt(minimum_jobs=workers, maximum_jobs=workers)  # jobs that the farm ends are replaced
        yield cluster


def _import(module: str) -> Any:
    with telling_extras("many machines"):
        return importlib.import_module(module)


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
            yield _result(future)
    finally:
        client.cancel(futures)


def _result(future: Any) -> Any:
    killed = importlib.import_module("distributed.scheduler").KilledWorker
    try:
        return future.result()
    except killed as error:
        raise InputError(
            f"a task that has cost {error.allowed_failures + 1} workers their life",
            "enough memory for each worker",
            "look at what killed them, and repeat the command to go on",
        ) from error
    except CancelledError as error:
        raise InputError("the scheduler has gone", "one that stays", "repeat the command to go on") from error
