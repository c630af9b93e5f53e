package expr

var jsonOfBool = &function{name: "cast", row: nil}

func defineMath(t table)      {}
func defineBits(t table)      {}
func defineString(t table)    {}
func defineEncoding(t table)  {}
func defineRegexp(t table)    {}
func defineDate(t table)      {}
func defineInfo(t table)      {}
func defineVariables(t table) {}
func defineJSON(t table)      {}
