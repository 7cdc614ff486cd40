"""The course: exercises cut from this package, and a grader that explains mistakes.

A workbook is a folder with a file per exercise: a page of the package without the bodies of its
functions. The solutions are the package itself.

    exercises       the table of exercises (exercise: one of them, its grade, a failure)
    pages           the plain form of functions that the package has in a fast form alone
    blanks          the file of an exercise: a page without bodies
    workbook        the folder: write it, and find the files in it (student_number: its owner)
    runner          a subprocess for each exercise, with limits (worker: the subprocess)
    verdict         the grade that a subprocess left, or the reason why it left none
    source          read the student's file: its code, and the blank functions
    student         run it, and take its functions (raised: its exceptions as failures)
    grader          compare the student's functions with the package's
    function_tests  the test cases of each function (inputs: small readable arrays)
    variants        the numbers in the test cases: everybody's, or those of a student
    question        a question to answer by hand (by_hand: the answer)
    calling         calls of a student's function (locked: arrays that it cannot change)
    surroundings    undo the changes of other modules (looks: looks at the caller)
    comparing       the first difference between two results
    hints           explanations of wrong results, and the usual mistakes of each exercise
    report          grades as text, and as JUnit XML
    predictions     a reader's predictions, kept beside the truth (notebooks use it)
"""
