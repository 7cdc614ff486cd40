"""The Hugging Face hub: its datasets, as its libraries find and read them, and its errors."""

import logging
import re
from typing import TYPE_CHECKING, BinaryIO

from ..errors import PackageMissing, extra_package

if TYPE_CHECKING:
    import datasets


def builder_of(dataset: str, config: str | None) -> "datasets.DatasetBuilder":
    """The library's description of a dataset: its configuration, its splits and their files.

    dataset: a name on the hub, or the path of a folder.
    """
    with extra_package("reading a dataset of the Hugging Face hub"):
        import datasets
    if int(datasets.__version__.partition(".")[0]) < 4:
        raise PackageMissing(
            f"datasets {datasets.__version__} may run a program that belongs to a dataset, and "
            'newer ones do not: pip install "datasets>=4"'
        )

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(logging.CRITICAL)
    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)
    datasets.config.STREAMING_READ_MAX_RETRIES = 2  # each of them tries five times again
    datasets.config.STREAMING_READ_RETRY_INTERVAL = 1  # second
    return datasets.load_dataset_builder(dataset, config)


def open_file(path: str) -> BinaryIO:
    """Open a file of the hub (hf://...), or a local one."""
    if not path.startswith("hf://"):
        return open(path, "rb")
    from huggingface_hub import HfFileSystem

    return HfFileSystem().open(path, "rb")


def reason_of(error: Exception) -> str:
    """The reason of an error of any library, on one line.

    It has no addresses, because that of a file on a hub's server may contain a secret.
    """
    if reason := getattr(error, "strerror", None):
        return reason
    words = re.sub(r"\S+://\S+", "...", " ".join(str(error).split()))
    return f"{type(error).__name__}: {words[:200]}".rstrip(".: ")
