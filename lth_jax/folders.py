"""Folders that are written in: through no link, by one process, whole or not at all.

A run directory may come from a stranger. Whatever is written or removed in one goes
through a descriptor of its folder, which is opened without following links below the
folder that the user named. So a link in a run directory, also one that is put there in
the middle of a run, never leads out of it.
"""

import fnmatch
import itertools
import logging
import os
import shutil
import stat
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .errors import LthError, StoreError

_log = logging.getLogger("lth_jax")
_held: dict[Path, list[int]] = {}
"""Descriptors of the folders that users named, by path."""
_changing = threading.Lock()
"""Held by the thread that looks at the descriptors, or changes which there are."""


@contextmanager
def held(folder: Path) -> Iterator[int]:
    """Hold a folder that the user named: what is below it is reached through no link.

    Args:
        folder: itself it may be a link, unless it lies in one that is held.

    Yields:
        Its descriptor.
    """
    with opened(folder) as handle:
        with _changing:
            _held.setdefault(folder, []).append(handle)
        try:
            yield handle
        finally:
            with _changing:
                _held[folder].remove(handle)
                if not _held[folder]:
                    del _held[folder]


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    """Yield a descriptor of a folder in which something is written or removed.

    Raises:
        StoreError: the folder, or one between it and the folder that is `held`, is a
            link; names it.
        OSError: it cannot be opened.
    """
    around = folder, *folder.parents
    with _changing:
        place = next((one for one in around if one in _held), None)
        handle = None if place is None else os.dup(_held[place][0])
    if place is None or handle is None:  # no folder of a run: the user's own
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    else:
        for name in folder.relative_to(place).parts:
            place /= name
            handle = _inner(handle, place)
    try:
        yield handle
    finally:
        os.close(handle)


def _inner(outer: int, place: Path) -> int:
    """Close the descriptor of a folder and return that of a folder in it."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return os.open(place.name, flags, dir_fd=outer)
    except OSError:
        _refuse_link(place, outer)
        raise
    finally:
        os.close(outer)


def _refuse_link(place: Path, outer: int) -> None:
    with suppress(OSError):
        if stat.S_ISLNK(os.lstat(place.name, dir_fd=outer).st_mode):
            target = os.readlink(place.name, dir_fd=outer)
            raise StoreError(
                f"{place} is a link to {target}. Nothing is written or removed through"
                " links: put what it points to in its place, or remove it."
            )


def refuse_links(folder: Path, names: Iterable[str]) -> None:
    """Raise StoreError where there is a link in a folder, under one of some names.

    It is said before work starts, of what would be refused in the middle of it.

    Args:
        folder: in which they are.
        names: or patterns.
    """
    with opened(folder) as handle:
        for name, pattern in itertools.product(sorted(os.listdir(handle)), names):
            if fnmatch.fnmatch(name, pattern):
                _refuse_link(folder / name, handle)


def make(folder: Path) -> None:
    """Make a folder, and those around it, where they are not there yet."""
    if not any(place in _held for place in folder.parents):
        folder.parent.mkdir(parents=True, exist_ok=True)  # the user's own
    with opened(folder.parent) as outer, suppress(FileExistsError):
        os.mkdir(folder.name, dir_fd=outer)


@contextmanager
def creating(path: Path) -> Iterator[BinaryIO]:
    """Yield a new file, open for writing; one of its name that is there is removed."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    with opened(path.parent) as folder:
        remove_entry(path.name, folder)
        with open(os.open(path.name, flags, 0o666, dir_fd=folder), "w+b") as file:
            yield file


def move(path: Path, name: str) -> None:
    """Give a file or folder another name in its folder; make that last."""
    with opened(path.parent) as folder:
        os.replace(path.name, name, src_dir_fd=folder, dst_dir_fd=folder)
        with suppress(OSError):  # not every file system flushes folders
            os.fsync(folder)


def remove(path: Path) -> None:
    """Remove a file, a folder or a link if it is there; never what a link points to."""
    with suppress(FileNotFoundError), opened(path.parent) as folder:
        remove_entry(path.name, folder)


def remove_entry(name: str, folder: int) -> None:
    """Remove what has a name in a folder, of which the descriptor is given."""
    with suppress(FileNotFoundError):  # or somebody else removes it now
        if stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
            shutil.rmtree(name, dir_fd=folder)  # by descriptors, too
        else:
            os.unlink(name, dir_fd=folder)


# What is written under a temporary name.


def temporary(path: Path) -> Path:
    """Return the name under which this thread writes a file or folder at first."""
    return path.with_name(f".{path.name}.tmp-{os.getpid()}-{threading.get_ident()}")


def remove_left(folder: Path, name: str = "*", ended: bool = False) -> None:
    """Remove what killed processes left of files and folders under a name.

    Args:
        folder: in which they are.
        name: of them, or a pattern.
        ended: only what is of processes that run no more, because others may be at
            work in the folder.
    """
    with suppress(FileNotFoundError), opened(folder) as handle:
        for left in fnmatch.filter(os.listdir(handle), f".{name}.tmp-*"):
            if not (ended and _is_at_work(left.rpartition(".tmp-")[2])):
                remove_entry(left, handle)


def _is_at_work(owner: str) -> bool:
    """Tell whether a process writes under a temporary name: ``<pid>-<thread>``."""
    process, _, thread = owner.partition("-")
    if process == str(os.getpid()):
        return thread in {str(one.ident) for one in threading.enumerate()}
    try:
        os.kill(int(process), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except PermissionError:
        pass
    return True


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Fill a temporary folder; when all went well it takes the place of ``folder``.

    What a killed process left of an earlier try is removed.

    Raises:
        LthError: the system refuses.
        StoreError: there is a link in the place of the folder.
    """
    filled = temporary(folder)
    with writing(folder):
        remove_left(folder.parent, folder.name)
        make(filled)
        try:
            yield filled
            with opened(filled) as handle:
                for name in os.listdir(handle):
                    _flush(name, handle)
            with opened(folder.parent) as outer:
                _refuse_link(folder, outer)
                remove_entry(folder.name, outer)
            move(filled, folder.name)
        finally:
            with suppress(OSError, StoreError):
                remove(filled)


def _flush(name: str, folder: int) -> None:
    """Flush a file to disk, given the descriptor of its folder."""
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        os.fsync(file)
    finally:
        os.close(file)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise LthError, naming the file or folder, when the system refuses to write."""
    try:
        yield
    except OSError as error:
        raise LthError(
            f"{path} could not be written ({error}). What was there before is intact:"
            " make room, or mend the permissions, and start the same command again."
        ) from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder and keep other processes out of it, as long as this one lives.

    Raises:
        StoreError: another process has it.
    """
    with held(folder) as place, ExitStack() as stack:
        # A lock belongs to what was opened, and what is held may be of another thread.
        own = os.open(".", os.O_RDONLY, dir_fd=place)
        stack.callback(os.close, own)
        try:
            import fcntl

            fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(
                f"{folder} is in use by another process: wait until it is done, or"
                " choose another folder with --out."
            ) from error
        except (ImportError, OSError) as error:
            _log.warning(
                "%s cannot be locked here (%s): see to it that no other process runs"
                " the same study.",
                folder,
                error,
            )
        yield
