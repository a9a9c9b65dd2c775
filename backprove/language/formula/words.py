"""Which words are English and no names: the prose between formulas."""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


LET = word_set("let where with define defining denote denoting set suppose assume here")
"""Words before what is defined."""

CONDITION = word_set("if when unless whenever")
"""Words before a condition on what is claimed."""

RANGE = word_set("for forall")
"""Words before a range, `for k = 1, …, n`, or a condition."""

OTHERWISE = word_set("otherwise else elsewhere")

CONNECTIVES = word_set("""
    so hence thus therefore then and now finally answer result solution or also but since because
    thereby we get obtain have find yields gives which is recall becomes that this from using here
    """)
"""Words after which an expression may stand alone."""

_SHORT = word_set("is of to by so we it on as in or at an be us if my no do am")
"""Words of two letters: prose only beside other prose."""

_ENGLISH = (
    word_set("""
    about above according add adding adds after again agree all alone along already also although
    always and another answer any applied applies apply applying are arrives article aside assume
    assumed assuming away back backpropagation became because become becomes been before begin
    behind being below between both but called can cancel cancels cannot certainly chain choose
    clearly collect collecting combine combining come comes compute computed computing conclude
    consider constant constants could define defining definition definitions denote denotes
    denoting depend depends derivation derivative derivatives derive deriving did differ different
    differentiate differentiated differentiating directly does done down each easily easy either
    else elsewhere enters eq eqn eqns eqs equal equality equals equation equations evaluate every
    everything exactly example expand expanding expression expressions factor factors finally find
    finish follow following follows for forall formula formulas found from further get gets
    getting give given gives giving going gradient had has have having hence here hold holds how
    however implies indeed insert inserting inside into its itself just keep know later let lets
    likewise looks made make makes making may means meant more most multiplied multiply
    multiplying must namely need needs never next not note nothing notice now obtain obtained
    obtaining obtains obviously once only other others otherwise our outside over partial
    partially paths plug plugging possible previous proof put putting reach reaches really recall
    related remain remaining remains remember remove removed removing replace replaced respect
    resulting results rewrite rewriting rule rules said say says see seen shall should shown shows
    similarly simplified simplifies simplify simplifying simply since solution solve some stand
    stands start starting still straightforward substitute substituted substituting substitution
    such suppose take taken takes taking term terms than that the their them then there thereby
    therefore therefrom these they thing things this those through thus times together under
    unless unrelated until upon use used uses using usually vanish vanishes via want was way well
    were what whatever when whenever where whether which while who whole whose why will wise with
    within without words would write writes writing written wrt yield yielding yields you your
    zeros weighted neuron neurons neither nor contain contains decreased increased grows falls
    shape shapes
    """)
    | LET
)
"""Words that no quantity of a network is called by; quantities are `input`, `out`, `net`, …"""


def is_english(word: str) -> bool:
    """Whether a word is prose wherever it stands."""
    return word.lower() in _ENGLISH


def is_short(word: str) -> bool:
    """Whether a word is prose where other prose stands beside it."""
    return word.lower() in _SHORT


def looks_english(word: str) -> bool:
    """Whether a run of letters in LaTeX is a word: no product is written with so many letters."""
    return is_english(word) or (word[1:].islower() and len(word) >= (5 if word[0].isupper() else 7))
