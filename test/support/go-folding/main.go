// Prints as JSON, 256 characters a line, what Go makes of a name with each character at its start, in its middle and at its end.
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"unicode"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	lines := json.NewEncoder(out)
	for first := rune(0); first <= unicode.MaxRune; first += 256 {
		folded := []string{}
		for r := first; r < first+256; r++ {
			for _, name := range []string{string(r) + "aΣ", "A" + string(r) + "z", "ba" + string(r)} {
				folded = append(folded, strings.ToLower(strings.TrimSpace(name)))
			}
		}
		lines.Encode(folded)
	}
}
