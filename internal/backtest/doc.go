// Package backtest finds out when the alerts on activity would have fired in
// an application's own past. It judges with the code of the live exporter, at
// every five minutes, and never by what came later.
//
// What it needs of the past it takes from a saved history, and asks the API for
// the rest: the messages of each hour, as far back as a judge looks; five
// minutes where one page of messages tells them; and, where an hour or one
// beside it held clearly less than was expected of it, its five minutes too.
// Other busy hours are taken as spread evenly, so that in them a failure of
// some ten minutes is not seen.
//
// Three things are not as in the live exporter. Silences within busy hours that
// were not looked at closer are not known, as in an exporter's first two weeks;
// they would raise the bound of a silence a little. Messages deleted since are
// missing, unless the saved history had counted them. And when within its five
// minutes the newest message came is not known: it is put where the last of so
// many would be in the mean.
package backtest
