module vestibule.local/go-folding

go 1.26.0
