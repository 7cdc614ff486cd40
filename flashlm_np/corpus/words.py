"""Words that every plot shares: who the story is about, when it happens, how people speak.

The notation is explained in grammar.py. Weights fall off as word counts do in real books
(Zipf's law): a few options are met all the time and learned first, the tail is met rarely.
"""

WORDS = """
story
    1  [once], [a_trait] [who] named [hero/{who}] lived [home/{kin}] [near] with {his} [elder].
       ¶ [plot]

once
    20 Once upon a time
    14 Long ago
    10 Many years ago
    7  Not long ago
    5  In the old days
    4  Far away from here
    2  Before your grandmother was born
    1  When animals could still talk

who
    20 girl | kin: child
    19 boy | kin: child
    9  rabbit | kin: rabbit
    7  fox | kin: fox
    6  mouse | kin: mouse
    5  bear cub | kin: bear cub
    4  kitten | kin: kitten
    3  puppy | kin: puppy
    2  piglet | kin: piglet

hero/girl
    40 Lily[she]
    24 Anna[she]
    14 Rose[she]
    9  Mia[she]
    6  Clara[she]
    4  Nora[she]
    3  Ella[she]
    2  Ivy[she]
    2  Zoe[she]
    1  Hannah[she]
    1  Matilda[she]
    1  Ingrid[she]
hero/boy
    40 Tom[he]
    24 Ben[he]
    14 Max[he]
    9  Leo[he]
    6  Sam[he]
    4  Jack[he]
    3  Finn[he]
    2  Oscar[he]
    2  Henry[he]
    1  Peter[he]
    1  Theo[he]
    1  Gustav[he]
hero/rabbit
    6  Clover[she]
    4  Thumper[he]
    2  Nibbles[he]
hero/fox
    6  Rusty[he]
    4  Scarlet[she]
hero/mouse
    6  Pip[he]
    4  Crumb[she]
hero/bear cub
    6  Bruno[he]
    4  Honey[she]
hero/kitten
    6  Whiskers[she]
    3  Shadow[he]
hero/puppy
    5  Biscuit[he]
    3  Daisy[she]
hero/piglet
    5  Truffle[he]
    3  Petunia[she]

she
    1  | he: she; him: her; his: her
he
    1  | he: he; him: him; his: his

a_trait
    40 a little | trait: little
    26 a kind | trait: kind
    17 a curious | trait: curious
    11 a brave | trait: brave
    8  a clever | trait: clever
    6  a shy | trait: shy
    4  a cheerful | trait: cheerful
    3  a quiet | trait: quiet
    3  a gentle | trait: gentle
    2  an honest | trait: honest
    2  a playful | trait: playful
    2  a stubborn | trait: stubborn
    1  an eager | trait: eager
    1  a dreamy | trait: dreamy
    1  a polite | trait: polite
    1  an adventurous | trait: adventurous
    1  a thoughtful | trait: thoughtful
    1  a lively | trait: lively
    1  a daring | trait: daring

home/child
    1  in [a_size] [house]
home/rabbit
    1  in [a_size] burrow
home/fox
    1  in [a_size] den
home/mouse
    1  in [a_size] hole
home/bear cub
    1  in [a_size] cave
home/kitten
    1  in [a_size] attic
home/puppy
    1  in [a_size] kennel
home/piglet
    1  in [a_size] sty

a_size
    18 a small
    14 a cozy
    11 an old
    8  a tiny
    6  a snug
    5  a warm
    4  a neat
    3  a dusty
    2  a drafty
    1  an unusual

house
    14 cottage
    11 house
    9  hut
    7  cabin
    5  farmhouse
    4  mill
    2  lighthouse
    1  castle

near
    1  [not_far] [a_calm] [country]

not_far
    14 beside
    11 near
    9  not far from
    7  close to
    4  within sight of
    2  on the way to
    1  a mile from

a_calm
    14 a quiet
    11 a little
    9  a pretty
    7  a big
    6  a sunny
    5  a peaceful
    4  a misty
    3  a lonely
    2  a lovely
    1  a famous

country
    14 river
    12 forest
    10 lake
    9  meadow
    8  village
    7  hill
    6  harbor
    5  orchard
    4  brook
    3  marsh
    2  vineyard
    1  canyon

elder
    30 mother
    14 grandmother
    7  father
    4  grandfather
    3  aunt
    2  uncle
    1  big sister
    1  big brother

day
    18 One [fair] [morning]
    5  Early one [fair] morning
    4  On [weekday]

fair
    14 sunny
    11 fine
    9  bright
    7  warm
    6  quiet
    5  cool
    4  breezy
    3  golden
    2  lazy
    1  cloudless

morning
    14 day
    11 morning
    8  afternoon
    1  Sunday

weekday
    4  Monday
    4  Friday
    3  Tuesday
    3  Thursday
    2  Saturday
    1  Wednesday

by_landmark
    1  [behind] the [old] [landmark]

behind
    14 near
    11 behind
    9  beside
    7  next to
    5  in front of
    4  close to
    2  not far from
    1  in the shade of

old
    14 old
    11 big
    9  little
    7  gray
    6  white
    5  red
    4  crooked
    3  mossy
    2  stone
    1  haunted

landmark
    14 barn
    12 bridge
    10 well
    9  mill
    7  gate
    6  fence
    5  church
    4  school
    3  bakery
    3  stable
    2  fountain
    2  tower
    1  statue
    1  windmill

a_look
    18 a red | look: red
    15 a blue | look: blue
    12 a yellow | look: yellow
    10 a green | look: green
    8  an old | look: old
    7  a shiny | look: shiny
    6  a tiny | look: tiny
    5  a striped | look: striped
    4  a purple | look: purple
    3  an orange | look: orange
    3  a lovely | look: lovely
    2  a spotted | look: spotted
    2  a pink | look: pink
    1  an odd | look: odd
    1  a splendid | look: splendid

a_nature
    18 an old
    14 a friendly
    11 a wise
    8  a small
    6  a plump
    5  a busy
    4  a cheery
    4  a gray
    3  a jolly
    2  a sleepy
    2  a gruff
    1  an elderly
    1  a freckled

sadly
    14 sadly
    11 softly
    8  quietly
    6  with a sigh
    5  at last
    4  in a small voice
    3  shyly
    2  helplessly
    1  gloomily

kindly
    14 kindly
    11 gently
    9  warmly
    7  with a smile
    5  cheerfully
    4  calmly
    3  slowly
    2  with a wink
    1  with a bow

happily
    14 happily
    11 proudly
    8  loudly
    6  joyfully
    5  with a big smile
    4  merrily
    3  brightly
    2  gleefully
    1  breathlessly

cried
    14 cried
    10 shouted
    7  called
    4  exclaimed
    1  yelled

came_by
    14 came by
    10 stopped
    7  heard {him}
    5  looked up
    4  peeked around a corner
    3  hurried over
    1  wandered past

just_then
    14 Just then
    8  At that moment
    4  Luckily
    2  After a while
    1  By and by

ask
    14 What is wrong?
    10 Why are you so sad?
    8  What is the matter?
    6  Can I help you?
    4  Are you all right?
    3  What happened?
    2  Did you lose something?
    1  Why such a long face?

comfort
    14 Do not worry
    10 Do not cry
    8  I can help you
    6  Let me try
    5  Leave it to me
    4  That is easy
    2  Cheer up
    1  Watch this

thanks
    14 Thank you
    10 Many thanks
    7  How kind you are
    5  You are wonderful
    4  What would I do without you
    2  I will never forget this
    1  Bless your heart

snack
    1  [basket_of] [treats]

basket_of
    14 a basket of
    11 a bowl of
    8  a bag of
    5  a plate of
    3  a box of
    1  a pile of

treats
    16 nuts
    13 apples
    10 cookies
    8  berries
    6  cherries
    5  plums
    4  pears
    3  muffins
    2  grapes
    2  pancakes
    1  raisins
    1  figs

quickly
    14 quickly
    11 at once
    8  right away
    5  without another word
    3  in no time
    1  as quick as a wink

glad
    14 very happy
    10 so glad
    7  full of joy
    4  delighted
    2  as proud as a king
    1  overjoyed
"""
