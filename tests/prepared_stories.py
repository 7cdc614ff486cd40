"""A folder of prepared stories for the tests of benchmarks that train."""

import shutil

from flashlm_np.data.prepare import prepare
from flashlm_np.data.sources import DocumentSource
from flashlm_np.data.story_ids import training_stories
from flashlm_np.data.tokenizers.tokenizer import Tokenizer


def prepared_stories(folder):
    """Prepare 100 stories in a folder; returns the folder of the tokens."""
    tokenizer = Tokenizer.embedded()
    ids = [i for i in training_stories(0, 100, tokenizer) if i != tokenizer.end_of_text]
    (folder / "text.txt").write_bytes(b"".join(tokenizer.tokens[i] for i in ids))
    prepare(DocumentSource((str(folder / "text.txt"),)), tokenizer, folder / "prepared")
    return folder / "prepared"


def with_tables(laboratory, folder):
    """Copy the counted tables of a laboratory to another work folder, which it returns."""
    laboratory.table(laboratory.base.d_model)  # it takes some seconds to count one
    return shutil.copytree(laboratory.work, folder / "work")
