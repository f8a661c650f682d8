module pilotlight.dev/bench

go 1.23
