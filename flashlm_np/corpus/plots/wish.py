"""Somebody wishes to learn a skill, fails, is given the right advice, and tries again.

The skill decides where it is tried, how it goes wrong, who can teach it, and what it looks like
when it goes well.
"""

PLOT = """
plot +
    11 More than anything, {hero} wanted to learn to [skill]. [wish]
    7  Every night, {hero} wished that {he} could [skill]. [wish]

wish
    1  [day], {he} went [to_place/{skill}] and tried, but {he} [fail/{skill}]. {He} tried again
       and [fail_again/{skill}]. "I will never learn to {skill}," said the {trait} {who}
       [sadly]. ¶ [a_teacher] [teacher/{skill}] [watched] [by_landmark]. "[courage]," said the
       {teacher} [kindly]. "You must [tip/{skill}]." So {hero} [practised], and the {teacher}
       [taught]. ¶ [finally], {he} [success/{skill}]! "I can {skill}!" {he} [cried] [happily].
       [wish_end]

finally
    12 At last
    8  Finally
    5  One day
    3  To everyone's surprise
    1  Lo and behold

skill
    20 swim
    14 whistle
    10 dance
    7  bake bread
    5  paint
    4  climb
    3  play the drum
    3  row a boat
    2  knit
    2  juggle
    1  catch fish
    1  walk on stilts

to_place/swim
    5  to the lake
    3  to the river
    1  to the sea
fail/swim
    5  sank like a stone
    3  swallowed a lot of water
fail_again/swim
    5  splashed in circles
    3  came up coughing
tip/swim
    5  kick slowly and breathe
    3  trust the water to hold you
success/swim
    5  swam like a fish
    3  swam all the way to the other side
teacher/swim
    6  duck
    3  otter
    1  swan

to_place/whistle
    5  into the garden
    3  to the woods
    1  up to the attic
fail/whistle
    5  made no sound at all
    3  only blew air
fail_again/whistle
    5  spat on {his} own chin
    3  squeaked like a rusty hinge
tip/whistle
    5  make your lips round and blow softly
    3  think of a song and blow gently
success/whistle
    5  whistled a merry tune
    3  whistled like a bird in spring
teacher/whistle
    6  robin
    3  blackbird
    1  nightingale

to_place/dance
    5  to the village green
    3  to the market square
    1  into the barn
fail/dance
    5  tripped over {his} own feet
    3  turned left instead of right
fail_again/dance
    5  fell into a rosebush
    3  bumped into a fence
tip/dance
    5  listen to the music and count to three
    3  let the music move your feet
success/dance
    5  danced without missing a step
    3  twirled like a falling leaf
teacher/dance
    6  cricket
    3  crane
    1  butterfly

to_place/bake bread
    5  into the kitchen
    3  to the bakery
    1  to the old stone oven
fail/bake bread
    5  burned the loaf
    3  forgot the salt
fail_again/bake bread
    5  made a loaf as hard as a brick
    3  covered {his} face with flour
tip/bake bread
    5  let the dough rest before it goes into the oven
    3  knead the dough until it is soft
success/bake bread
    5  took a golden, crusty loaf out of the oven
    3  baked a loaf that made the whole street hungry
teacher/bake bread
    6  baker
    3  miller
    1  cook

to_place/paint
    5  to the top of the hill
    3  down to the beach
    1  to the flower field
fail/paint
    5  spilled the blue paint
    3  painted a cow that looked like a potato
fail_again/paint
    5  mixed every color into brown
    3  got more paint on {his} nose than on the paper
tip/paint
    5  look for a long time before you begin
    3  begin with the sky and use very little water
success/paint
    5  painted a field of poppies
    3  painted a sunset that seemed to glow
teacher/paint
    6  painter
    3  peacock
    1  potter

to_place/climb
    5  to the old cherry tree
    3  to the tall pine tree
    1  to the walnut tree
fail/climb
    5  slid down the trunk
    3  could not reach the first branch
fail_again/climb
    5  landed in a pile of leaves
    3  scraped both {his} knees
tip/climb
    5  hold on tight and never look down
    3  test each branch before you step on it
success/climb
    5  climbed to the very top
    3  sat on the highest branch and saw the whole valley
teacher/climb
    6  squirrel
    3  woodpecker
    1  marten

to_place/play the drum
    5  behind the barn
    3  into the shed
    1  to the empty barn
fail/play the drum
    5  dropped the sticks
    3  hit {his} own thumb
fail_again/play the drum
    5  lost the beat
    3  scared all the chickens away
tip/play the drum
    5  tap your foot and follow it
    3  listen to your own heartbeat
success/play the drum
    5  played a steady march
    3  played so well that the geese marched in a row
teacher/play the drum
    6  woodpecker
    3  drummer
    1  grasshopper

to_place/row a boat
    5  to the harbor
    3  to the pond
    1  down to the river
fail/row a boat
    5  went around in circles
    3  lost an oar
fail_again/row a boat
    5  bumped into a rock
    3  splashed a pelican
tip/row a boat
    5  pull both oars at the same time
    3  sit up straight and pull with your back
success/row a boat
    5  rowed straight to the other side
    3  rowed out and back in a perfect line
teacher/row a boat
    6  sailor
    3  fisherman
    1  ferryman

to_place/knit
    5  to a bench in the sun
    3  to the porch
    1  to the fireside
fail/knit
    5  dropped a stitch
    3  poked {his} finger
fail_again/knit
    5  tangled all the yarn
    3  knitted {his} own sleeve to the bench
tip/knit
    5  go slowly and count every stitch
    3  hold the yarn loosely
success/knit
    5  finished a warm woolen sock
    3  finished a cap with a fluffy tassel
teacher/knit
    6  sheep
    3  weaver
    1  spider

to_place/juggle
    5  to the market square
    3  behind the circus tent
    1  into the backyard
fail/juggle
    5  dropped every ball
    3  was hit on the head by a ball
fail_again/juggle
    5  lost a ball under a cart
    3  knocked over a tower of melons
tip/juggle
    5  begin with only two balls
    3  watch the top of the throw
success/juggle
    5  kept three balls in the air
    3  juggled four balls while the crowd clapped
teacher/juggle
    6  clown
    3  seal
    1  jester

to_place/catch fish
    5  to the stream
    3  to the old dock
    1  to the mill pond
fail/catch fish
    5  caught an old boot
    3  frightened the fish away
fail_again/catch fish
    5  caught nothing but weeds
    3  hooked {his} own hat
tip/catch fish
    5  keep still and be quiet
    3  wait until the float goes under
success/catch fish
    5  caught a fat, silvery trout
    3  caught enough trout for the whole family
teacher/catch fish
    6  heron
    3  fisherman
    1  kingfisher

to_place/walk on stilts
    5  to the courtyard
    3  to the meadow
    1  out on the lawn
fail/walk on stilts
    5  wobbled and fell
    3  toppled into a haystack
fail_again/walk on stilts
    5  landed on {his} bottom
    3  grabbed the washing line and brought it down
tip/walk on stilts
    5  look straight ahead and keep moving
    3  take small steps
success/walk on stilts
    5  strode about like a giant
    3  took a hundred steps without falling
teacher/walk on stilts
    6  stork
    3  flamingo
    1  acrobat

a_teacher
    16 An old
    12 A friendly
    9  A wise
    6  A patient
    4  A young
    3  A cheerful
    2  A famous
    1  A one-eyed

watched
    12 was resting
    9  was sitting
    6  was standing
    4  was watching
    2  was busy
    1  was having lunch

courage
    12 Do not give up
    9  Try once more
    6  Nobody learns in one day
    4  Let me show you
    2  I was clumsy once, too
    1  Every master was once a beginner

practised
    12 tried again and again
    9  practiced every day
    6  practiced all week
    4  practiced from breakfast to supper
    2  did not give up
    1  practiced even in {his} dreams

taught
    12 helped {him}
    8  showed {him} how
    5  cheered for {him}
    3  stayed beside {him}
    1  never lost patience

wish_end
    12 Oh, how proud {hero} was!
    9  And so {hero} learned never to give up.
    7  Now {he} teaches others to {skill}.
    5  "Practice helps," said the {teacher}.
    3  The {teacher} clapped and cheered.
    1  What a day that was!
"""
