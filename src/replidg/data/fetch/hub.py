"""Files of Hugging Face repositories, by the hub's own client."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm

from replidg.data.fetch.amounts import ByteProgress
from replidg.data.fetch.errors import FULL, SourceFailed
from replidg.data.fetch.want import Candidate, Want
from replidg.data.registry.schema import HuggingFace


def page(source: HuggingFace) -> str:
    """Return the repository's address for people."""
    kind = "datasets/" if source.repo_type == "dataset" else ""
    return f"https://huggingface.co/{kind}{source.repo}"


def download(source: HuggingFace, want: Want) -> Candidate:
    """Download into `<name>.hub/`, where the client keeps what it needs to resume.

    Raises:
        SourceFailed: the client could not get it; the message says what to do.
    """
    import huggingface_hub
    from huggingface_hub import errors

    folder = want.beside(".hub")
    before = (folder / source.path).exists()
    try:
        huggingface_hub.hf_hub_download(
            source.repo,
            source.path,
            repo_type=source.repo_type,
            revision=source.revision,
            local_dir=folder,
            tqdm_class=_bars(f"{want.dataset}: downloading {want.name}"),
        )
    except errors.GatedRepoError:
        raise SourceFailed(
            f"is gated: accept its terms at {page(source)}, then run `hf auth login`"
        ) from None
    except errors.RepositoryNotFoundError:
        raise SourceFailed(
            f"no such repository, or a private one (then run `hf auth login`): {page(source)}"
        ) from None
    except errors.RevisionNotFoundError:
        raise SourceFailed(f"has no revision {source.revision!r}") from None
    except errors.LocalEntryNotFoundError as error:
        raise SourceFailed(f"the hub cannot be reached ({_first_line(error)})") from None
    except errors.EntryNotFoundError:
        raise SourceFailed(f"has no file {source.path} at revision {source.revision!r}") from None
    except OSError as error:
        if error.errno in FULL:
            raise
        raise SourceFailed(_first_line(error)) from None
    except Exception as error:  # its HTTP library and Xet have error trees of their own
        raise SourceFailed(f"{type(error).__name__}: {_first_line(error)}") from None
    return Candidate(folder / source.path, resumed=before)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _bars(what: str) -> type[tqdm]:
    """Return a class for the client's progress bars that reports to our progress instead."""

    class Bar(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            described = kwargs.get("desc") or ""
            kwargs["disable"] = True
            super().__init__(*args, **kwargs)
            label = what if not described or described in what else f"{what} ({described})"
            self._ours = ByteProgress(self.total, label, int(self.n or 0))

        def update(self, n: float | None = 1) -> None:
            self._ours.add(int(n or 0))

        def close(self) -> None:
            if not getattr(self, "_closed", False):
                self._closed = True
                self._ours.close()

    return Bar
