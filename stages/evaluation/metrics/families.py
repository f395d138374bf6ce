"""The families of metrics: what the figures of each say, whether less is better, whether they are shares."""

FAMILIES = {  # what the figures of a family say
    "coherence": "Share of samples in which judges find what was given, or the same in all outputs. Higher is better.",
    "match": "Share of samples that a matcher prefers to shuffled ones: do they belong together? Higher is better.",
    "retrieval": "Share of samples that a matcher finds among ten: the first is the own one. Higher is better.",
    "attribute": "Coherence of the other attributes, wherever the observed side determines them. Higher is better.",
    "fidelity": "Kernel distance from samples made from nothing to real ones. Lower is better.",
    "frechet": "Frechet distance from samples made from nothing to real ones. Lower is better.",
    "precision": "Share of samples made from nothing that lie among real ones. Higher is better.",
    "recall": "Share of real items that lie among samples made from nothing. Higher is better.",
    "density": "How densely samples lie where real items are; real ones score one.",
    "recognition": "Share of clips in which a speech recogniser not trained here hears the digit or word. Higher is "
    "better; compare with its own ceiling alone, because it misses many real clips.",
    "entropy": "Bits of chance left in what the observed side leaves open. Near the ceiling is best, zero is collapse.",
    "coverage": "Share of real items with a sample made from nothing close by. Higher is better.",
    "memorisation": "Share of samples very close to a training item, less that of real test items. Zero is best.",
    "consistency": "Distance between the labels of what came by two ways that should agree. Lower is better.",
    "out_of_domain": "Coherence on pictures from another source. Higher is better; compare with the directions above.",
    "number_error": "How far a made number lies from the true one; always saying the mean scores one. Lower is better.",
    "invented": "Share of absent findings that what was made shows anyway, as its judge reads it. Lower is better.",
    "missed": "Share of findings that what was made does not show, as its judge reads it. Lower is better.",
    "translation": "Share of captions that are the true ones, word by word, made of captions in another modality. "
    "Higher is better.",
    "transcription": "Share of captions that are the true ones, word by word, made of clips that say them. Higher is "
    "better.",
    "label_baseline": "Share of texts in which a regression on word counts finds the label: of real ones, to compare "
    "with coherence of the same direction, and of made ones. Higher is better.",
    "motion": "Of videos, without a judge: how closely changes between frames follow the true ones (a correlation); "
    "of videos made from nothing, the share of frames as sharp as real ones (frames). Higher is better.",
    "closed": "Share of volumes in as many pieces as real ones have, without an enclosed hole. Higher is better.",
    "held_out": "Coherence of all attributes where the thing or the combination was never learned; to compare with, "
    "where it was. Higher is better.",
    "molecule": "Share of molecules made from nothing that are valid; of these, that are no repetition; of those, that "
    "training does not have. Higher is better.",
    "property_error": "How far a property of a made molecule lies from the number that was given; always having the "
    "mean scores one. Lower is better.",
    "membership": "How well an attack tells samples that were learned from apart from others: the area under its curve "
    "(a half: not at all), and the share of them that it finds at so many false alarms. Near the floor is best.",
    "attribute_inference": "Share of training samples in which what was left out comes out right; the floor is that of "
    "test samples. Near the floor is best.",
    "extraction": "Share of samples made from nothing that are a training item, come out again; the floor is that of "
    "real test items. Near the floor is best.",
    "ceiling": "Share of real test items that the judges read right. No score of a sample can be trusted beyond it.",
    "codec_accuracy": "Share of test items that the judges still read right after a codec and back. Higher is better.",
    "balance": "Largest relative deviation of a label's share among samples made from nothing. Lower is better.",
    "confidence": "How sure the judges are of samples made from nothing; of captions, the share that can be read.",
    "classes": "Different labels among samples made from nothing. Fewer than real data have: the generator collapsed.",
    "codec_error": "Reconstruction error of the codecs; the floor is a PCA of the same width. Lower is better.",
}
LOWER = (
    "fidelity", "frechet", "balance", "codec_error", "memorisation", "consistency", "number_error", "property_error",
    "invented", "missed", "membership", "attribute_inference", "extraction",
)  # fmt: skip  # families where less is better
SHARES = (
    "coherence", "match", "retrieval", "attribute", "precision", "recall", "recognition", "coverage", "memorisation",
    "out_of_domain", "translation", "transcription", "label_baseline", "invented", "missed", "closed", "held_out",
    "molecule", "ceiling", "codec_accuracy", "confidence", "membership", "attribute_inference", "extraction",
)  # fmt: skip  # families that are said in per cent; the others are numbers of their own scale


def family(metric: str) -> str:
    return metric.partition(".")[0]
