"""Predictions that are kept: a reader's numbers beside the truth, in a file on this computer.

In a notebook, the reader writes a number in place of `...`:

    from flashlm_np.course.predictions import Predictions

    mine = Predictions("03")                                # the place: this notebook
    mine.predict("zeros among 12 weights", ...)             # a number
    mine.predict("loss after 600 steps", ..., choices=("lower", "the same", "higher"))
    mine.reveal("zeros among 12 weights", np.sum(w == 0))   # in the cell that finds the truth
    mine.reveal("loss after 600 steps", "higher")
    mine.show()                                             # in the last cell: text and picture

With `...` in it, a question prints nothing, writes nothing and shows nothing.

    kept        the file, predictions.csv, and the distance between a prediction and the truth
    answers     the value in a cell as the text in the file, and as a text for the reader
    notebook    predict, reveal and show
    history     how far a person's predictions were, in order, as text and as a picture
    collect     the files of a class, and their students
    classroom   the students' distances, and the questions, the most surprising first
    picture     the picture of a class (`flashlm course predictions --picture`)
"""

from .notebook import Predictions

__all__ = ["Predictions"]
