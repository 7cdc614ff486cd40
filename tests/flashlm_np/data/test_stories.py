"""The stories: unique derivations, exact probabilities and counts, correct English."""

import doctest
import math
import re

import numpy as np
import pytest

from flashlm_np.data.stories import derivation, grammar, stories, sums
from flashlm_np.data.stories.derivation import Parser, Sampler, derive, fill
from flashlm_np.data.stories.grammar import Choose, read_tables
from flashlm_np.data.stories.sums import sum_over_stories

SEEDS = range(2000)
TABLES = stories.tables()


@pytest.fixture(scope="module")
def derived():
    """Return (text, choices) of one story per seed."""
    return [derive(TABLES, Sampler(np.random.default_rng(seed))) for seed in SEEDS]


class LeastUsed:
    """Chooses the option with the fewest choices so far, so that all options occur."""

    def __init__(self):
        self.times = {}

    def choose(self, table, facts):
        times = self.times.setdefault(id(table), [0] * len(table.options))
        index = times.index(min(times))
        times[index] += 1
        return index

    def emit(self, words, piece):
        pass


class StrictParser(Parser):
    """A parser that checks that exactly one option fits."""

    def choose(self, table, facts):
        heads = [fill(option.head, facts) for option in table.options]
        assert sum(self.text.startswith(head, self.position) for head in heads) == 1
        return super().choose(table, facts)


@pytest.fixture(scope="module")
def covering():
    """Return stories in which every option of every table occurs."""
    chooser = LeastUsed()
    texts = [derive(TABLES, chooser)[0] for _ in range(1500)]
    assert len(chooser.times) == len(TABLES)
    assert all(min(times) > 0 for times in chooser.times.values())
    return texts


# ---- each text has one derivation


def test_parse_gives_back_the_choices(derived):
    for text, choices in derived:
        assert stories.parse(text) == tuple(choices)


def test_exactly_one_option_fits_at_every_choice(covering):
    for text in covering:
        assert derive(TABLES, StrictParser(text))[0] == text


def test_stories_of_different_choices_differ(derived):
    assert len({text for text, _ in derived}) == len({tuple(choices) for _, choices in derived})


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("fish", "fishing rod"),  # the first is a prefix of the second
        ("fish", "fish"),
        ("[animal] ran", "[animal] slept"),  # the first difference comes after a choice
        ("{hero} ran", "One day"),  # the name of the hero might be One
        ("a {hero} ran", "a {friend} ran"),
    ],
)
def test_ambiguous_tables_are_refused(a, b):
    with pytest.raises(ValueError, match="do not differ in a plain character"):
        read_tables(f"what\n    1 {a}\n    1 {b}")


def test_a_second_table_of_a_name_needs_a_plus():
    assert len(read_tables("a\n    1 x", "a +\n    1 y")["a"].options) == 2
    with pytest.raises(ValueError, match=r"table a is there already; 'a \+' adds to it"):
        read_tables("a\n    1 x", "a\n    1 y")


# ---- probabilities


@pytest.mark.parametrize("name", TABLES)
def test_probabilities_sum_to_one(name):
    probabilities = [option.probability for option in TABLES[name].options]
    assert math.isclose(math.fsum(probabilities), 1.0, rel_tol=1e-12)
    assert min(probabilities) > 0
    assert np.allclose(np.cumsum(probabilities), TABLES[name].cumulative, rtol=0, atol=1e-12)
    assert TABLES[name].cumulative[-1] == 1.0


def test_score_is_the_log_of_the_product(derived):
    for text, choices in derived[:300]:
        probabilities = [choice.probability for choice in choices]
        assert math.isclose(
            stories.score(text), math.log(math.prod(probabilities)), rel_tol=1e-12
        )


def test_options_are_drawn_with_their_probability(derived):
    """The fraction of girls in 2,000 stories is within four standard errors."""
    p = TABLES["who"].options[0].probability
    who = [
        choice.option for _, choices in derived for choice in choices if choice.table == "who"
    ]
    fraction = np.mean(np.equal(who, 0))
    assert abs(fraction - p) < 4 * math.sqrt(p * (1 - p) / len(derived))


def test_the_same_seed_gives_the_same_stories():
    a, b = (np.random.default_rng(7) for _ in range(2))
    assert [stories.generate(a) for _ in range(5)] == [stories.generate(b) for _ in range(5)]


# ---- sums over all stories

SMALL = """
story
    2 A [pet] ran. [pet_end/{pet}] [end/{mood}]
    1 Nobody [did] and [did].
pet
    3 cat | mood: glad
    1 dog | mood: sad
pet_end/cat
    1 She [did].
pet_end/dog
    1 He [did].
    4 And he barked. | mood: glad
did
    2 slept
    1 ate
    1 sang
end/glad
    1 Hooray!
end/sad
    1 Oh.
    1 Ah.
"""


def every_derivation(tables):
    """Return (text, choices) of all derivations: vary each choice in turn."""
    found, waiting = [], [()]
    while waiting:
        picks = waiting.pop()
        chooser = GivenChoices(picks)
        text, choices = derive(tables, chooser)
        found.append((text, choices))
        ahead = list(zip(choices, chooser.sizes, strict=True))[len(picks) :]
        for i, (_, size) in enumerate(ahead):
            waiting += [(*picks, *[0] * i, other) for other in range(1, size)]
    return found


class GivenChoices(LeastUsed):
    """Makes the given choices, then chooses the first option."""

    def __init__(self, picks):
        self.picks, self.sizes = list(picks), []

    def choose(self, table, facts):
        self.sizes.append(len(table.options))
        return self.picks.pop(0) if self.picks else 0


def test_the_sums_agree_with_a_list_of_all_stories():
    tables = read_tables(SMALL)
    listed = every_derivation(tables)
    p = [math.prod(choice.probability for choice in choices) for _, choices in listed]
    total = sum_over_stories(tables)
    assert total.count == len(listed) == len({text for text, _ in listed})
    assert math.isclose(total.probability, 1.0)
    assert math.isclose(sum(p), 1.0)
    assert math.isclose(total.entropy, -sum(q * math.log(q) for q in p))


def test_entropy_is_the_mean_information(derived):
    information = [
        -math.fsum(math.log(choice.probability) for choice in cs) for _, cs in derived
    ]
    error = np.std(information) / math.sqrt(len(information))
    assert abs(np.mean(information) - stories.totals().entropy) < 4 * error
    assert math.isclose(stories.totals().probability, 1.0)


def test_there_are_many_stories_and_many_words():
    assert stories.totals().count > 10**30
    assert stories.totals().count > math.exp(stories.totals().entropy)
    assert 50 < stories.totals().entropy < 90


def test_the_stories_have_1503_words(covering):
    """'s counts as a word. The guide to the stories has this number."""
    assert (
        len({word for text in covering for word in re.findall(r"'?[a-z]+", text.lower())})
        == 1503
    )


# ---- texts that are not stories


def test_a_story_cut_short_or_continued_is_refused(derived):
    for text, _ in derived[:50]:
        for end in (1, len(text) // 2, len(text) - 1):
            with pytest.raises(ValueError, match=r"not a story: at character \d+, found "):
                stories.parse(text[:end])
        with pytest.raises(ValueError, match=f"at character {len(text)}, .* expected the end"):
            stories.parse(text + "\n")


def test_a_changed_word_is_refused_or_scored_differently(derived):
    rng = np.random.default_rng(0)
    refused = 0
    for text, _ in derived[:300]:
        spans = [m.span() for m in re.finditer(r"[A-Za-z]+", text)]
        a, b = spans[rng.integers(len(spans))]
        other = text[slice(*spans[rng.integers(len(spans))])]
        if other == text[a:b]:
            continue
        try:
            changed = stories.score(text[:a] + other + text[b:])
        except ValueError:
            refused += 1
        else:
            assert changed != stories.score(text)
    assert refused > 250


def test_the_wrong_pronoun_is_refused():
    text = next(t for t in map(story, SEEDS) if " she " in t)
    at = text.index(" she ")
    with pytest.raises(ValueError, match=f"at character {at + 1}, found 'he "):
        stories.parse(text.replace(" she ", " he ", 1))


def test_errors_name_the_place_and_the_expected_texts():
    message = (
        "not a story: at character 19, found 'goat named Tom lived', "
        "expected 'girl' or 'boy' or 'rabbit' or 'fox' or 5 others"
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        stories.parse("Long ago, a little goat named Tom lived")


# ---- clean English


def story(seed):
    return stories.generate(np.random.default_rng(seed))


def test_the_length_of_a_story(derived):
    lengths = [len(text.split()) for text, _ in derived]
    assert min(lengths) >= 90
    assert max(lengths) <= 160
    assert 110 <= np.mean(lengths) <= 135


def test_a_and_an_are_right(covering):
    for article, word in re.findall(r"\b([Aa]n?) (\w+)", " ".join(covering)):
        vowel = word in ("honest", "hour") or (word[0] in "aeiou" and word != "one")
        assert (article.lower() == "an") == vowel, (article, word)


def test_punctuation_is_right(covering):
    for text in covering:
        assert not re.search(r"  | [.,!?;:]|[.,!?]{2}|[{}\[\]|]|\n\n\n| \n|\n ", text), text
        assert text == text.strip()
        assert text[-1] in '.!?"'
        for paragraph in text.split("\n\n"):
            assert paragraph.count('"') % 2 == 0, paragraph
            assert re.match(r'"?[A-Z]', paragraph), paragraph
        assert not re.search(r"[.!?] [a-z]", text), text


def test_no_word_is_doubled(covering):
    for text in covering:
        assert not re.search(r"\b(\w+) \1\b", text.lower()), text


def test_the_hero_is_named_again_within_the_receptive_field(derived):
    """The receptive field is 127 tokens; the name is repeated within 110 words and marks."""
    for text, _ in derived:
        name = re.search(r"named (\w+)", text).group(1)
        marks = re.findall(r"\w+|[^\w\s]|\n\n", text)
        at = [i for i, mark in enumerate(marks) if mark == name]
        assert max(np.diff(at)) <= 110, text


@pytest.mark.parametrize("module", [derivation, grammar, sums, stories])
def test_the_examples_are_right(module):
    assert doctest.testmod(module).failed == 0


def test_every_table_is_used():
    places = {(p.table, bool(p.key)) for p in sums.places(TABLES) if isinstance(p, Choose)}
    named = {(name.partition("/")[0], "/" in name) for name in TABLES}
    assert named - places == {("story", False)}
    assert places <= named
