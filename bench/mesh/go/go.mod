module licet.dev/bench/load

go 1.25
