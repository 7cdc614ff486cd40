"""The checker of stories: planted contradictions of every kind are found, and only these."""

import doctest

import numpy as np
import pytest

from flashlm_np.data.stories import stories
from flashlm_np.data.stories.derivation import Sampler, derive
from flashlm_np.data.stories.grammar import Choose, Recall
from flashlm_np.evaluation import story_check, story_values
from flashlm_np.evaluation.story_check import Contradiction, check

TABLES = stories.tables()
PIECES = [p for table in TABLES.values() for option in table.options for p in option.pieces]
RECALLED = sorted({p.fact for p in PIECES if isinstance(p, Recall)})
KEYED = sorted({p.table for p in PIECES if isinstance(p, Choose) and p.key})
MOST_SEEDS = 5000  # to find a story that has a given place


class Recorder(Sampler):
    """A sampler that records where each recall stands: {fact: (start, words)} of the last."""

    def __init__(self, rng):
        super().__init__(rng)
        self.position, self.recalls = 0, {}

    def emit(self, words, piece):
        if isinstance(piece, Recall):
            self.recalls[piece.fact] = self.position, words
        self.position += len(words)


@pytest.fixture(scope="module")
def recorded():
    """Return (text, recalls) of one story for each of many seeds."""
    stories_ = []
    for seed in range(600):
        recorder = Recorder(np.random.default_rng(seed))
        stories_.append((derive(TABLES, recorder)[0], recorder.recalls))
    return stories_


def test_the_doctests_pass():
    for module in (story_check, story_values):
        assert doctest.testmod(module).failed == 0


# ---- nothing is found where nothing is wrong


def test_stories_of_the_grammar_have_no_contradiction(recorded):
    for text, recalls in recorded:
        found = check(text)
        assert found == ((), found.places, len(text), "whole"), text
        assert set(recalls) <= set(found.places)


def test_a_story_that_stops_early_is_cut_and_has_no_contradiction(recorded):
    rng = np.random.default_rng(0)
    for text, _ in recorded[:200]:
        length = int(rng.integers(1, len(text)))
        found = check(text[:length])
        assert found == ((), found.places, length, "cut"), text[:length]


# ---- each kind is found


@pytest.mark.parametrize("fact", RECALLED)
def test_another_value_of_a_recalled_fact_is_found(recorded, fact):
    """One place of a story gets the words that stand at such a place of another story."""
    tried = 0
    for text, recalls in recorded:
        if fact not in recalls or (other := other_words(fact, recalls, recorded)) is None:
            continue
        start, words = recalls[fact]
        found = check(text[:start] + other + text[start + len(words) :])
        (contradiction,) = found.contradictions
        assert (contradiction.fact, contradiction.character) == (fact, start)
        assert contradiction.before.lower() == words.lower()
        after, _, _ = contradiction.after.partition("...")  # the name of a lake may be unknown
        assert other.lower().startswith(after.lower())
        assert found.ending == "whole"
        tried += 1
        if tried == 8:
            break
    assert tried


def other_words(fact, recalls, recorded):
    """Words for a fact that begin otherwise, and have the same case and pronouns."""
    words = recalls[fact][1]
    for _, others in recorded:
        other = others[fact][1] if fact in others else words
        differ = words.lower().split()[:2] != other.lower().split()[:2]
        same_pronouns = len(fact) <= 3 or (recalls["his"][1] == others["his"][1])
        if differ and same_pronouns and words[0].isupper() == other[0].isupper():
            return other
    return None


@pytest.mark.parametrize("name", KEYED)
def test_an_option_for_another_value_is_found(name):
    """The grammar gets the tables of another key. Its stories contradict the key there."""
    names = [full for full, table in TABLES.items() if table.name == name]
    turned = {full: TABLES[names[i - 1]] for i, full in enumerate(names)}
    (key,) = {p.key for p in PIECES if isinstance(p, Choose) and p.table == name and p.key}
    tried = 0
    for seed in range(MOST_SEEDS):
        try:
            sampler = Sampler(np.random.default_rng(seed))
            text, choices = derive(TABLES | turned, sampler)
        except KeyError:  # the option recalls a fact that only its own key has stated
            continue
        if sum(choice.table == name for choice in choices) != 1 or is_a_story(text):
            continue
        found = check(text)
        assert found.ending == "whole"
        assert [c.fact for c in found.contradictions] == [key], (text, found)
        tried += 1
        if tried == 8:
            return
    raise AssertionError(f"only {tried} stories have {name}")


def is_a_story(text):
    """Some options stand in the tables of two keys."""
    try:
        stories.score(text)
    except ValueError:
        return False
    return True


def test_a_fact_keeps_its_first_value():
    """Each mention of the other name contradicts. The first name is right again."""
    text = f"{start('girl', 'Lily', 'her')}\n\nNext door to Anna lived a wise goat named Hazel."
    text += ' On Friday, they found a red kite near the old barn. "It is mine!" cried Anna.'
    text += ' "No, it is mine!" said Hazel. They both pulled hard. Rip! The kite tore in two.'
    text += '\n\nNow both friends were sad. "I am sorry," said the shy girl sadly.'
    text += ' "Let us fix it," said Hazel kindly. Lily got'
    places = text.index("Anna"), text.rindex("Anna")
    expected = tuple(Contradiction("hero", "Lily", "Anna", place) for place in places)
    assert check(text).contradictions == expected


def test_the_explanation_with_the_fewest_contradictions_is_taken():
    """He, his and a boy's name: the kind is wrong once, not each pronoun."""
    (contradiction,) = check(start("girl", "Tom", "his")).contradictions
    assert contradiction == Contradiction("who", "girl", "boy", 27)
    assert str(contradiction) == "who was 'girl', became 'boy' at character 27"


def start(who, name, his):
    where = "in a tiny hut near a big lake"
    return f"Long ago, a shy {who} named {name} lived {where} with {his} aunt."


# ---- other texts


@pytest.mark.parametrize(
    ("text", "parsed", "ending"),
    [
        ("", 0, "cut"),
        ("Long ago, a shy girl", 20, "cut"),
        ("Long ago, a shy whale named Tom", 16, "unknown"),
        ("x", 0, "unknown"),
        ("Long ago, a shy fox named Rusty Rusty", 32, "unknown"),
    ],
)
def test_the_parsed_part_ends_where_the_words_are_unknown(text, parsed, ending):
    assert check(text) == ((), check(text).places, parsed, ending)


def test_words_after_the_end_of_a_story_are_unknown():
    text = stories.generate(np.random.default_rng(1))
    found = check(text + " The end.")
    assert (found.contradictions, found.parsed, found.ending) == ((), len(text), "unknown")


def test_contradictions_before_unknown_words_are_kept():
    text = "Long ago, a shy girl named Tom lived in a tiny spaceship"
    found = check(text)
    assert [c.fact for c in found.contradictions] == ["who"]
    assert text[: found.parsed] == "Long ago, a shy girl named Tom lived in a tiny "
