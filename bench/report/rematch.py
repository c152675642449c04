"""rematch.csv: what is asked of a suite's searches on top of searches.csv, and corrected together with what that holds.

The found one's rivals once more, with another one in its place. And the nets of one kind alone, which only one of a
notebook's searches trains: they hang on nothing that was found, so another search of equal trainings takes them too.
"""

import pandas as pd

from bench.report.searches import RIVALS, columns_of, compared_all, run_ids, searched, variants_of

AGAIN = "planned, trained again"  # the variant of lesson 12 in which val chooses nothing
EVEN, ALONE = "uniform", " alone"  # of lesson 11: nets that no search decides
SEARCH = ("seed", "priority", "strength", "search_epochs", *RIVALS)  # options that train no such net otherwise
LENT = ("test", "op", "gmacs", "params_m", "deal")  # of a variant: what it is, whichever search trained it


def rematch(runs):
    """Rows as `searches` has them, of the suite in folder `runs`; none where nothing more can be asked.

    `in_place_of` is what stood in the place of the first row of a search: the found one, or that of another search.
    """
    found = searched(runs)
    asked = {name: variants_of(seeds) for name, seeds in found.items()}
    more = [*_again(asked), *_alone(found, asked)]
    tables = compared_all([*asked.values(), *(variants for *_, variants in more)])[len(asked) :]
    table = []
    for (name, others, in_place_of, _), rows in zip(more, tables, strict=True):
        whence = {"in_place_of": in_place_of, "runs": " ".join(run_ids(found[each]) for each in (name, *others))}
        table += [{**columns_of(name, found[name]), **row, **whence} for row in rows]
    return pd.DataFrame(table)


def _again(asked):
    """[(search, other searches, in whose place, {seed: variants})] of all searches with AGAIN, which stands first."""
    more = []
    for name, seeds in asked.items():
        if all(AGAIN in variants for variants in seeds.values()):
            first = _found(seeds)
            rivals = {seed: {each: kept[each] for each in kept if each != first} for seed, kept in seeds.items()}
            turned = {seed: {AGAIN: kept[AGAIN], **kept} for seed, kept in rivals.items()}
            more.append((name, (), first, turned))
    return more


def _alone(found, asked):
    """The same of all searches without nets of one kind alone, with those of a search of equal trainings."""
    more = []
    for name, seeds in asked.items():
        twins = [other for other in asked if other != name and _options(found[name]) == _options(found[other])]
        twins = [other for other in twins if set(seeds) <= set(asked[other]) and _equal(seeds, asked[other])]
        lends = {other: [variant for variant in _common(asked[other]) if variant.endswith(ALONE)] for other in twins}
        if any(variant.endswith(ALONE) for variant in _common(seeds)) or not any(lends.values()):
            continue
        first, other = _found(seeds), next(other for other in twins if lends[other])
        joined = {}
        for seed, kept in seeds.items():
            both = {first: kept[first], **{variant: asked[other][seed][variant] for variant in lends[other]}}
            joined[seed] = {variant: {key: of[key] for key in LENT if key in of} for variant, of in both.items()}
        more.append((name, (other,), f"{_found(asked[other])} of {other}", joined))
    return more


def _options(seeds):
    """What the nets of a search are trained by."""
    job, _ = next(iter(seeds.values()))
    return job["notebook"], {key: value for key, value in job["options"].items() if key not in SEARCH}


def _equal(a, b):
    """Whether the even nets of two searches answer alike, video by video, in every seed: so the trainings are equal.

    Of nets that say one class to all videos nobody knows.
    """
    pairs = [(_answers(a[seed]), _answers(b[seed])) for seed in a]
    return all(mine == other and len(set(mine)) > 1 for mine, other in pairs)


def _answers(variants):
    return variants[EVEN]["test"]["predicted"] if EVEN in variants else []


def _found(seeds):
    return next(iter(next(iter(seeds.values()))))


def _common(seeds):
    first, *rest = seeds.values()
    return [variant for variant in first if all(variant in each for each in rest)]
