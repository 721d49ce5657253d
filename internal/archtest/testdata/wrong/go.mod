module example.org/wrong

go 1.26.0

require example.com/foreign v1.0.0

replace example.com/foreign => ./foreign
