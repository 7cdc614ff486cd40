"""The readers that are fuzzed, each with small valid files."""

from importlib.util import find_spec

from safetensors import numpy as safetensors
from torch_zip import save, save_old  # of the tests: torch.save without PyTorch

from flashlm_np.course.blanks import exercise_text
from flashlm_np.course.exercise import WRONG, Grade
from flashlm_np.course.verdict import as_json
from flashlm_np.data.tokenizers.vocab_file import format_vocab
from flashlm_np.training.initial_embedding import NAME

from . import packing, readers, seeds
from .packing import Subject

LINES = [{"text": line, "id": i} for i, line in enumerate(seeds.TEXT.splitlines())]
CSV = "id,text\n" + "".join(f'{row["id"]},"{row["text"]}"\n' for row in LINES)
README = (
    b"---\nconfigs:\n- config_name: default\n  data_files: b/*.txt\nlicense: mit\n---\n# A\n"
)


def subjects() -> dict[str, Subject]:
    """All subjects whose libraries are installed, by name."""
    return {subject.name: subject for subject in (*_records(), *_tables(), *_texts())}


def _records():
    made, pack = seeds.folders(), packing.checkpoint_files
    parts = {kind: packing.checkpoint_parts(made[kind]) for kind in ("run", "export")}
    published = packing.archive_parts(seeds.torch_file(save, seeds.published()))
    short = packing.archive_parts(seeds.torch_file(save, seeds.SHORT))
    old = seeds.torch_file(save_old, seeds.SHORT)
    weights = {name: part for name, part in parts["run"].items() if name != "metrics.csv"}
    yield Subject("run", weights, readers.run, pack, is_covered=True)
    yield Subject("run, resumed", parts["run"], readers.resumed, pack, is_covered=True)
    yield Subject("export", parts["export"], readers.run, pack, is_covered=True)
    data = packing.prepared_parts(made["data"])
    yield Subject(
        "prepared tokens", data, readers.tokens, packing.prepared_files, is_covered=True
    )
    yield Subject("old run", parts["run"], readers.resumed, packing.old_checkpoint_files)
    yield Subject("old tokens", data, readers.tokens, packing.old_prepared_files)
    yield Subject("published", published, readers.converted, packing.archive, is_covered=True)
    yield Subject("file of torch", short, readers.torch_file, packing.archive, True)
    yield Subject("old file of torch", {"final.pt": old}, readers.torch_file)


def _tables():
    table = packing.split_safetensors(safetensors.save({NAME: seeds.TABLE}))
    table = dict(zip(("header", "numbers"), table, strict=True))
    wide = packing.split_safetensors(safetensors.save({"wte.weight": seeds.TABLE}))
    wide = dict(zip(("header", "numbers"), wide, strict=True))
    yield Subject("embedding", table, readers.embedding, packing.table_file)
    if find_spec("huggingface_hub"):
        yield Subject("GPT-2's table", wide, readers.gpt2_table, packing.table_file)
    yield Subject("metrics.csv", {"metrics.csv": seeds.METRICS}, readers.metrics)
    yield Subject("vocabulary", {"v.bpe": format_vocab(seeds.VOCABULARY)}, readers.vocabulary)
    student = {readers.EXERCISE.file_name: exercise_text(readers.EXERCISE).encode()}
    yield Subject("exercise", student, readers.exercise)
    grade = as_json(Grade(WRONG, ["a line", "and ∂L/∂x"], ["add"]))
    yield Subject("verdict", {"grade.json": grade.encode()}, readers.verdict)


def _texts():
    text, csv = seeds.TEXT.encode(), CSV.encode()
    yield Subject("text", {"a.txt": text, "b.md": text[:300]}, readers.texts)
    yield Subject("JSON lines", {"lines": LINES}, readers.texts, packing.json_lines)
    yield Subject("JSON array", {"lines": LINES}, readers.texts, packing.json_array)
    yield Subject("CSV", {"a.csv": csv}, readers.texts)
    yield Subject(
        "gzip", {"a.txt": text, "b.csv": csv}, readers.texts, packing.gzipped, is_covered=True
    )
    yield Subject(
        "README of a folder",
        {"README.md": README},
        readers.texts_beside_readme,
        is_covered=True,
    )
    if find_spec("pyarrow"):
        yield Subject("zstd", {"a.txt": text}, readers.texts, packing.zstd)
        yield Subject("parquet", {"a.parquet": seeds.parquet()}, readers.texts)
