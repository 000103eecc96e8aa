"""Sentences of C4's rule in datatrove's reading, as spaCy 3.8's English tokenizer and sentencizer count them."""

import pytest

from tests.tasks.clean.measured import measured

# Each line through spaCy, citation marks taken out before.
BY_SPACY = [
    ("It rains. Does it? It does!", 3),
    ("He met Mr. Brown at 5 p.m. on Main St. in Boston.", 1),
    ("Use e.g. the first one, i.e. this. Then stop.", 2),
    ("The file is in /sys/class/typec/. The next one is not.", 1),
    ("It paid £370m. The rest came later.", 1),
    ("See item a. and then item b. of the list.", 1),
    ("He said “no.” Then he left.", 2),
    ('He said "no." Then he left.', 2),
    ("Read it (twice.) Then answer.", 2),
    ("The U.S. army left. It was cold.", 2),
    ("Wait... what is this? Nothing.", 2),
    ("End of it.Next one begins here. Fine.", 3),
    ("Version 3.5 is out. Version 4 is not.", 2),
    ("Go to example.org. It is there.", 2),
    ("It doesn’t. It won't. It can.", 3),
    ("IBM. HP. A. B. All of them!", 3),
    ("The NATO. summit was short.", 2),
    ("Really?! Yes! No.", 3),
    ("Well. . . so it goes.", 2),
    ("你好。再见。", 1),
    ("Stop.- Go on.", 1),
    ("The endpoint id. The next.", 1),
    ("Is x=1? Or is x=2? Both.", 3),
    ("Fine.[1] Next one.[edit] Last.", 3),
    ('One sentence without an end but with a quote"', 1),
    ("foo/co. The end of it.", 1),
    ("Costs 5kg. More than 3g. That is all.", 2),
    ("no. 5 is here. No. 6 is not.", 4),
    ("Ends with a smiley :). Next one.", 2),
    ("(A.) (b.) The end.", 1),
    ("It is 5%. Then 6 %. Done.", 3),
    ("x~a. The end.", 1),
    ("Über die Straße. Ää. Schluß.", 3),
]


@pytest.mark.parametrize(("line", "num_sentences"), BY_SPACY)
def test_sentences_are_those_of_spacy(line: str, num_sentences: int) -> None:
    assert measured(line, metric_definitions="datatrove")["c4_num_sentences"] == num_sentences
