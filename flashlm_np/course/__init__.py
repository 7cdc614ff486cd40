"""The course: exercises cut out of this package, and a grader that explains.

A workbook is a folder with a file per exercise: a page of the package, the bodies of whose
functions are to be written. The solutions are the package itself.

    exercises   the table: which functions of which page (an exercise: exercise)
    blanking    a page without bodies, by its syntax tree (page)
    workbook    the folder: writing it, finding the files in it
    student     what a student's file defines, and what in it is still to do
    probing     how each function is called, on small readable inputs, and watched meanwhile
    comparing   expected against found: the first thing that is wrong, in words
    grading     all inputs, both precisions: the verdict
    hints       what a wrong result has in common with the right one (evidence, findings,
                mistakes: the usual wrong forms)
    worker      one exercise, in a process of its own
    runner      starts the workers, and ends those that do not end
    report      verdicts in words, and as JUnit XML
"""
