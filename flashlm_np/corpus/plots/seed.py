"""A seed is planted, something threatens it, and patience and the right remedy bring a harvest.

The plant decides what grows and what is cooked from it; the trouble decides the remedy.
"""

PLOT = """
plot +
    9  One day, {hero} found [a_seed] [plant] seed. [seed]
    6  One morning, {his} {elder} gave {hero} [a_seed] [plant] seed. [seed]

seed
    1  {He} planted it [by_landmark] and [watered]. "[grow]," said the {trait} {who} [softly].
       [waited], [a_shoot] {shoot} came up. ¶ [but_then] [trouble]. [luckily], [a_nature]
       [adviser] [came_by]. "[advice] {remedy}," said the {adviser} [kindly]. So {hero} and
       {his} {elder} {cure}, and [better]. ¶ [all_summer] the {shoot} grew and grew. [at_last],
       there were [many] {crop}. {hero} and {his} {elder} made {dish} and [shared]. [seed_end]

a_seed
    14 a little
    11 a tiny
    8  a single
    6  a small
    4  a smooth
    2  a round
    1  a wrinkled

plant
    20 pumpkin | shoot: vine; crop: pumpkins; dish: pumpkin pie
    15 bean | shoot: vine; crop: beans; dish: bean soup
    12 sunflower | shoot: stem; crop: sunflowers; dish: sunflower bread
    9  tomato | shoot: plant; crop: tomatoes; dish: tomato sauce
    7  melon | shoot: vine; crop: melons; dish: melon juice
    5  pepper | shoot: plant; crop: peppers; dish: pepper stew
    4  cucumber | shoot: vine; crop: cucumbers; dish: cucumber salad
    3  corn | shoot: stalk; crop: ears of corn; dish: popcorn
    2  radish | shoot: sprout; crop: radishes; dish: radish salad
    1  strawberry | shoot: plant; crop: strawberries; dish: strawberry jam

watered
    14 watered it every day
    11 gave it some water
    8  covered it with soil
    6  waited
    4  put a stone beside it
    1  told it a bedtime story

grow
    12 Grow, little seed
    9  Sleep well, little seed
    6  I will take care of you
    4  Wake up soon
    1  Be quick, I am hungry

softly
    12 softly
    9  every night
    6  each morning
    4  hopefully
    1  a hundred times

waited
    12 After a week
    9  Ten days later
    6  After a warm rain
    4  In the spring
    2  At long last
    1  Overnight

a_shoot
    12 a green
    9  a tiny
    6  a thin
    4  a pale
    2  a sturdy
    1  a wobbly

trouble
    18 the soil around the {plant} became dry | remedy: carry water from the well; cure: carried
       water from the well
    14 the crows began to peck at the {plant} | remedy: build a scarecrow; cure: built a
       scarecrow
    11 weeds grew all around the {plant} | remedy: pull out the weeds; cure: pulled out the
       weeds
    8  the snails began to nibble the {plant} | remedy: feed the snails lettuce; cure: fed the
       snails lettuce
    6  a strong wind bent the {plant} | remedy: tie it to a pole; cure: tied it to a pole with a
       ribbon
    5  frost crept over the {plant} | remedy: cover it with straw; cure: covered it with straw
    3  a goat nibbled at the {plant} | remedy: put up a fence; cure: put up a fence of sticks
    2  a worm nibbled at the roots | remedy: plant garlic beside it; cure: planted garlic beside
       it
    1  green lice sat on the {plant} | remedy: call the ladybugs; cure: called the ladybugs

adviser
    14 gardener
    11 farmer
    8  mole
    5  turtle
    3  cricket
    1  professor

advice
    12 You must
    9  It is best to
    6  I would
    4  Hurry and
    2  If I were you, I would
    1  Trust me and

but_then
    14 But then
    9  One day,
    5  Soon, however,
    3  Alas,

better
    12 that helped
    9  soon it was better
    6  the {plant} was saved
    4  by evening the {plant} stood up straight
    1  nothing harmed the {plant} again

all_summer
    12 All summer,
    9  Week after week,
    6  Day and night,
    3  Month after month,
    1  Through June and July,

at_last
    12 At last
    9  In the fall
    6  By the end of August
    3  At harvest time
    1  One golden morning

many
    14 many
    11 a lot of
    8  big, ripe
    6  a dozen
    4  plenty of
    1  twenty-seven

shared
    14 shared it with everyone
    11 invited the neighbors
    8  ate until they were full
    6  had a feast
    3  gave half of it away
    1  sang while they ate

seed_end
    12 "Good things take time," said {his} {elder}.
    9  But {hero} saved one seed for next year.
    7  And so {hero} learned to be patient.
    5  All that from one seed!
    2  The {adviser} got the biggest helping.
    1  How proud they were of the {plant}!
"""
