"""A dataset of the Hugging Face hub, as its libraries find and read it."""

import logging
from typing import TYPE_CHECKING, BinaryIO

from ..errors import extra_package

if TYPE_CHECKING:
    import datasets


def builder_of(dataset: str, config: str | None) -> "datasets.DatasetBuilder":
    """The library's description of a dataset: its configuration, its splits and their files.

    dataset: a name on the hub, or the path of a folder.
    """
    with extra_package("reading a dataset of the Hugging Face hub"):
        import datasets

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
