"""The table of mistakes: one row each, the more plausible first.

A row looks at one place of the correct gradient and gives what stands there after the mistake.
Its docstring is the mistake's law. Where two rows give the same value, the first is named first.
"""

from __future__ import annotations

from . import factors, indices, slopes, sums, training
from .change import Mutation

MUTATIONS: tuple[Mutation, ...] = (
    Mutation("sign", factors.sign_of_whole),
    Mutation("constant-factor", factors.mean_factor),
    Mutation("constant-factor", factors.double),
    Mutation("constant-factor", factors.number_dropped),
    Mutation("missing-factor", factors.missing_factor),
    Mutation("missing-term", sums.missing_term),
    Mutation("sign", factors.sign_of_term),
    Mutation("missing-sum", sums.missing_sum),
    Mutation("missing-sum", sums.one_path_only),
    Mutation("wrong-index", indices.transposed),
    Mutation("wrong-index", indices.wrong_index),
    Mutation("derivative-at-wrong-place", slopes.folded_at_argument),
    Mutation("wrong-layer", indices.weighted_for_activation),
    Mutation("wrong-index", indices.sibling),
    Mutation("wrong-index", indices.gradient_of_another),
    Mutation("missing-factor", indices.stopped_early),
    Mutation("derivative-at-wrong-place", slopes.at_the_activation),
    Mutation("wrong-function-derivative", slopes.wrong_slope),
    Mutation("wrong-layer", indices.wrong_layer),
    Mutation("wrong-function-derivative", slopes.wrong_power),
    Mutation("extra-factor", factors.same_factor_twice),
    Mutation("bias-as-weight", training.bias_as_weight),
    Mutation("bias-as-weight", training.weight_as_bias),
    Mutation("updated-weight", training.updated_weight),
    Mutation("extra-factor", factors.extra_factor),
    Mutation("wrong-index", indices.wrong_index_throughout),
    Mutation("wrong-index", indices.sibling_throughout),
    Mutation("wrong-layer", indices.wrong_layer_throughout),
    Mutation("wrong-layer", indices.gradient_of_another_layer),
    Mutation("wrong-function-derivative", slopes.wrong_reciprocal),
    Mutation("wrong-function-derivative", slopes.wrong_direct),
    Mutation("wrong-function-derivative", slopes.weight_for_input),
    Mutation("extra-term", sums.stale_term),
    Mutation("extra-term", sums.stale_one),
    Mutation("extra-term", sums.counted_twice),
    Mutation("constant-factor", factors.number_of_term),
    Mutation("missing-term", sums.path_dropped),
    Mutation("sign", factors.sign_of_argument),
    Mutation("missing-term", slopes.term_of_argument_missing),
    Mutation("extra-factor", training.update_for_gradient),
    Mutation("updated-weight", training.new_weight_for_gradient),
    Mutation("wrong-index", indices.target_for_output),
    Mutation("extra-term", sums.stale_on_whole),
    Mutation("extra-term", sums.extra_sum),
    Mutation("extra-factor", factors.extra_division),
    Mutation("constant-factor", factors.size_factor),
)
"""Every mistake, the more plausible first."""
