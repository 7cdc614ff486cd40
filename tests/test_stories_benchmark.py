"""The numbers of benchmarks/stories.py, on texts whose contradictions are known."""

import numpy as np
import pytest

from benchmarks.stories import OTHER, hero_is_kept, summary, table
from flashlm_np.data.stories import stories
from flashlm_np.evaluation.story_check import check

RIGHT = stories.generate(np.random.default_rng(0))
START = "Long ago, a shy mouse named Crumb lived in a tiny hole near a big lake with her aunt."


def kept(text):
    return hero_is_kept(text, check(text))


def test_stories_of_the_grammar_keep_their_heroes_and_nothing_is_wrong():
    texts = [stories.generate(np.random.default_rng(seed)) for seed in range(50)]
    numbers = summary([(text, check(text)) for text in texts])
    assert numbers["faithful"] == numbers["hero kept"] == numbers["whole"] == 1
    assert numbers["contradictions"] == 0
    assert {wrong for wrong, _ in numbers["kinds"].values()} == {0}


@pytest.mark.parametrize(
    "words",
    [
        "\n\nOne day, Scarlet",  # another name
        "\n\nOne day, Crumb walked with the little rabbit",  # another kind, in a lost text
        "\n\nOne day, Crumb walked home. And Scarlet",  # another name, in a lost text
    ],
)
def test_a_hero_that_changes_is_not_kept(words):
    assert kept(START)
    assert not kept(START + words)


def test_a_name_that_does_not_fit_the_kind_is_not_kept():
    assert not kept(START.replace("Crumb", "Scarlet"))


def test_each_text_and_each_place_is_counted():
    lost = START + " And then?"
    wrong = START.replace("tiny hole", "tiny den").replace("her", "his")
    texts = [RIGHT, START, lost, wrong]
    numbers = summary([(text, check(text)) for text in texts])
    assert numbers["samples"] == 4
    assert numbers["faithful"] == 0.25  # RIGHT: a beginning is no whole story
    assert (numbers["whole"], numbers["cut"], numbers["lost"]) == (0.25, 0.5, 0.25)
    assert numbers["hero kept"] == 0.75  # a pronoun is no change, but the den is another's
    assert numbers["contradictions"] == 0.5  # the den and the pronoun of one of four
    assert numbers["kinds"]["kind"][0] == numbers["kinds"]["pronoun"][0] == 0.25
    about = {"run": "runs/x", "step": 7, "temperature": 0.5}
    lines = "\n".join(table(about | numbers))
    assert "25.0% are whole stories without a contradiction" in lines
    assert OTHER in lines
