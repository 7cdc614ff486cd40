"""Words that every plot shares: who the story is about, when it happens, how people speak.

The notation is explained in grammar.py. Weights fall off as word counts do in real books (Zipf's
law): a few options are met all the time and learned first, the tail is met rarely.
"""

WORDS = """
story
    1 [once], [a_trait] [who] named [hero/{who}] lived [home/{kin}] [near] with {his} [elder]. ¶
      [plot]

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
    30 girl | kin: child
    28 boy | kin: child
    9  rabbit | kin: rabbit
    7  fox | kin: fox
    6  mouse | kin: mouse
    5  bear cub | kin: bear cub
    4  kitten | kin: kitten
    3  puppy | kin: puppy
    2  piglet | kin: piglet

hero/girl
    20 Lily[she]
    15 Anna[she]
    12 Rose[she]
    9  Mia[she]
    7  Clara[she]
    6  Nora[she]
    5  Ella[she]
    4  Ivy[she]
    3  Zoe[she]
    2  Hannah[she]
    1  Matilda[she]
    1  Ingrid[she]
hero/boy
    20 Tom[he]
    15 Ben[he]
    12 Max[he]
    9  Leo[he]
    7  Sam[he]
    6  Jack[he]
    5  Finn[he]
    4  Oscar[he]
    3  Henry[he]
    2  Peter[he]
    1  Theo[he]
    1  Gustav[he]
hero/rabbit
    6 Clover[she]
    4 Thumper[he]
    2 Nibbles[he]
hero/fox
    6 Rusty[he]
    4 Scarlet[she]
hero/mouse
    6 Pip[he]
    4 Crumb[she]
hero/bear cub
    6 Bruno[he]
    4 Honey[she]
hero/kitten
    6 Whiskers[she]
    3 Shadow[he]
hero/puppy
    5 Biscuit[he]
    3 Daisy[she]
hero/piglet
    5 Truffle[he]
    3 Petunia[she]

she
    1 | he: she; him: her; his: her
he
    1 | he: he; him: him; his: his

a_trait
    26 a little | trait: little
    13 a kind | trait: kind
    11 a curious | trait: curious
    9  a brave | trait: brave
    8  a clever | trait: clever
    7  a shy | trait: shy
    6  a cheerful | trait: cheerful
    5  a quiet | trait: quiet
    4  a gentle | trait: gentle
    4  an honest | trait: honest
    3  a playful | trait: playful
    3  a stubborn | trait: stubborn
    2  an eager | trait: eager
    2  a dreamy | trait: dreamy
    2  a polite | trait: polite
    1  an adventurous | trait: adventurous
    1  a thoughtful | trait: thoughtful
    1  a lively | trait: lively
    1  a daring | trait: daring

home/child
    1 in [a_size] [house]
home/rabbit
    1 in [a_size] burrow
home/fox
    1 in [a_size] den
home/mouse
    1 in [a_size] hole
home/bear cub
    1 in [a_size] cave
home/kitten
    1 in [a_size] attic
home/puppy
    1 in [a_size] kennel
home/piglet
    1 in [a_size] sty

a_size
    20 a small
    14 a cozy
    10 an old
    7  a tiny
    5  a snug
    4  a neat
    3  a dusty
    2  a drafty
    1  an unusual

house
    20 cottage
    14 house
    9  hut
    6  cabin
    4  farmhouse
    3  mill
    2  lighthouse
    1  castle

near
    1 [not_far] [a_calm] [country]

not_far
    14 beside
    11 near
    8  not far from
    5  close to
    3  within sight of
    1  a mile from

a_calm
    14 a quiet
    11 a little
    9  a pretty
    7  a big
    5  a sunny
    4  a peaceful
    3  a misty
    2  a lonely
    1  a famous

country
    16 river
    13 forest
    10 lake
    8  meadow
    6  village
    5  hill
    4  harbor
    3  orchard
    2  brook
    2  marsh
    1  vineyard
    1  canyon

elder
    20 mother
    14 grandmother
    11 father
    7  grandfather
    4  aunt
    3  uncle
    2  big sister
    1  big brother

day
    18 One [fair] [morning]
    3  Early one [fair] morning
    2  On [weekday]

fair
    14 sunny
    11 fine
    8  bright
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
    4 Monday
    4 Friday
    3 Tuesday
    3 Thursday
    2 Saturday
    1 Wednesday

by_landmark
    1 [behind] the [old] [landmark]

behind
    14 near
    11 behind
    8  beside
    6  next to
    3  close to
    1  in the shade of

old
    14 old
    11 big
    8  little
    6  gray
    5  white
    4  crooked
    3  mossy
    2  stone
    1  haunted

landmark
    16 barn
    13 bridge
    10 well
    8  mill
    6  gate
    5  fence
    4  church
    3  school
    3  bakery
    2  fountain
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
    5  bitterly
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
    1 [basket_of] [treats]

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
    12 quickly
    9  at once
    6  right away
    4  without another word
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
