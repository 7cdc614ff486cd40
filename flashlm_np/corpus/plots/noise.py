"""A sound in the night is frightening until somebody is brave enough to look.

The sound is heard long before its cause is seen, so the sound decides the cause, and the cause
decides what is done about it.
"""

PLOT = """
plot +
    9  Late one [dark] night, {hero} woke up. [noise]
    6  It was a [dark] night, and {hero} could not sleep. [noise]

noise
    1  [sound]! There was a [strange] noise [outside]. [sound_again] The {trait} {who} [hid].
       "[maybe] [a_big] [monster]," {he} [whispered]. ¶ {sound}! [courage_came] Then {he} put on
       [a_look] [garment], took [a_small] [light] and [crept] to the door. [slowly], {he} opened
       it. It was not {a_big} {monster}. It was only {cause}! ¶ {hero} [laughed]. "[silly_me],"
       {he} said [happily], and [quickly] {he} {fix}. [noise_end]

sound
    18 Tap, tap, tap | cause: a branch in the wind; fix: tied back the branch
    14 Scratch, scratch | cause: a cat that wanted milk; fix: gave the cat some milk
    11 Hoo, hoo | cause: an owl on the fence; fix: wished the owl good night
    8  Bang, bang | cause: a loose shutter; fix: latched the shutter
    6  Drip, drip, drip | cause: rain running off the roof; fix: put a bucket under the drops
    5  Croak, croak | cause: a frog on the doorstep; fix: carried the frog to its pond
    4  Jingle, jingle | cause: a goat with a bell; fix: led the goat to its stall
    3  Flap, flap | cause: a sheet on the clothesline; fix: folded the sheet
    2  Squeak, squeak | cause: a rusty gate; fix: put oil on the gate
    1  Rattle, rattle | cause: a raccoon in a trash can; fix: gave the raccoon a cracker
    1  Buzz, buzz | cause: a beetle on its back; fix: turned the beetle over

dark
    14 dark
    11 windy
    8  stormy
    6  cold
    4  rainy
    2  foggy
    1  moonless

strange
    14 strange
    11 scary
    8  funny
    6  loud
    4  terrible
    2  dreadful
    1  mysterious

outside
    14 outside
    11 at the door
    8  in the yard
    5  very close by
    3  in the darkness
    1  somewhere out there

sound_again
    12 There it was again!
    9  It grew louder.
    6  It would not stop.
    4  Nobody else woke up.
    1  Then it was silent, and that was even worse.

hid
    14 hid under the blanket
    11 sat up straight
    8  held {his} breath
    6  began to tremble
    4  pulled the pillow over {his} ears
    1  shivered from head to toe

maybe
    14 Maybe it is
    10 I think it is
    6  It must be
    3  It sounds like
    1  Perhaps it is

a_big
    14 a big
    11 a hungry
    8  a wicked
    6  a terrible
    4  a hairy
    3  an angry
    2  an evil
    1  a three-headed

monster
    18 monster
    14 ghost
    11 wolf
    8  dragon
    6  thief
    4  witch
    3  giant
    2  troll
    1  ogre

whispered
    14 whispered
    10 thought
    6  said
    2  moaned
    1  mumbled

courage_came
    12 "I must be brave," said {hero}.
    9  So {hero} took a deep breath.
    6  "Look before you run," {hero} thought.
    3  For a while, {hero} did not move.
    1  "Heroes do not hide," {hero} thought.

a_small
    14 a small
    11 a bright
    8  an old
    5  a heavy
    3  a rusty
    1  a wobbly

light
    14 lamp
    11 lantern
    8  flashlight
    4  stick
    2  poker
    1  broom

crept
    14 crept
    11 tiptoed
    8  walked
    4  went
    1  inched {his} way

garment
    16 coat
    12 cap
    9  scarf
    6  robe
    5  jacket
    4  sweater
    2  helmet
    1  vest

slowly
    14 Slowly
    11 Carefully
    8  Inch by inch
    3  At last
    1  With one quick pull

laughed
    14 laughed out loud
    11 was so relieved
    8  smiled
    5  giggled
    1  felt {his} cheeks grow warm

silly_me
    14 There is nothing to fear
    11 You gave me a fright
    8  How silly of me
    5  What a silly fright
    1  That is all it was

noise_end
    12 After that, {hero} was not afraid of the dark.
    9  Then {hero} slept until morning.
    7  And so {hero} learned to look first.
    4  In the morning, {he} laughed about it.
    1  Now everyone calls {him} {hero} the Brave.
"""
