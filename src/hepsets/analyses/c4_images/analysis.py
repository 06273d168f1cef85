"""The steps of a run, in order."""

from __future__ import annotations

from hepsets.analyses.c4_images.about import OURS
from hepsets.analyses.c4_images.comparison import compare, gains
from hepsets.analyses.c4_images.config import Config, check
from hepsets.analyses.c4_images.event_samples import VIEWS, get_views, some_events
from hepsets.analyses.c4_images.layers import layer_errors
from hepsets.analyses.c4_images.one_image import AVERAGED, first_of, kernels, one_image
from hepsets.analyses.c4_images.page import make_page
from hepsets.analyses.c4_images.predictions import predictions
from hepsets.analyses.c4_images.result import Facts, Result
from hepsets.analyses.c4_images.samples import MAIN, get_samples
from hepsets.analyses.c4_images.summary import markdown
from hepsets.analyses.c4_images.training import train_all
from hepsets.analyses.predictions import keep_predictions
from hepsets.analyses.report import report
from hepsets.core.run import Origin, RunFolder, write_atomically
from hepsets.learn.training.one_thread import one_thread


def run(config: Config, folder: RunFolder, *, workers: int = 1) -> Result:
    """Read and turn images, train all models, judge them and their symmetry, report."""
    check(config)
    place = folder.path / "images"
    samples = get_samples(config, place)
    if "views" in config.studies:
        samples |= get_views(config, place, workers=workers)
    trained = train_all(config, samples, folder.path / "models", workers=workers)
    for sample in samples.values():
        for name, truth, chosen in predictions(trained, sample):
            keep_predictions(folder.path, name, truth, chosen)
    first = first_of(trained, MAIN)
    with one_thread():
        models = compare(trained, samples)
        layers = layer_errors(config.seed)
    result = Result(
        config,
        Origin.now(),
        {
            name: Facts(name, one.data, dict(one.counts), one.shape, one.classes)
            for name, one in samples.items()
        },
        models,
        gains(trained, samples, OURS),
        layers,
        one_image(first, samples[MAIN]),
        kernels(first[AVERAGED], first.get(OURS)) if AVERAGED in first else None,
        {name: some_events(samples[name]) for name in VIEWS if name in samples},
    )
    report(result, make_page, folder.path)
    write_atomically(folder.path / "tables.md", markdown(result))
    if not config.data.keep:
        for path in place.glob("*/*"):
            if path.name != "split.csv":
                path.unlink()
    return result
