"""What a comparison says of peers."""

from collections.abc import Sequence

from cotrain.comparison.accuracy.candidate_result import CandidateResult


def peers_in_words(peers: Sequence[CandidateResult]) -> str:
    """What else gives several answers, beside the large network and the co-trained ensemble.

    Empty where there are none.
    """
    said = []
    for each in peers:
        start = f"{each.name} has an error of {each.best.error.mean:.2f} %"
        beside = [
            f"{contrast.error.mean:+.2f} points to {contrast.name} ({contrast.error.direction})"
            for contrast in (each.to_large, each.to_ensemble)
            if contrast is not None
        ]
        said.append(", ".join([f"{start} at {each.cost.macs_ratio:.2f} times the MACs", *beside]))
    return f"Peers, one network each: {'; '.join(said)}." if said else ""
