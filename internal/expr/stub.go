package expr

var jsonOfBool = &function{name: "cast", row: nil}

func defineRegexp(t table)    {}
func defineInfo(t table)      {}
func defineVariables(t table) {}
func defineJSON(t table)      {}
