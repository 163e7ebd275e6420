// Package export streams every row of a list that matches its filters into a
// file: exactly, fast, and so that an interruption of any kind loses nothing.
//
// The rows come from a sweep, which is read in several places at once, and grow
// a file beside the output. Once in a while the file is brought to the disk, and
// then a journal that says how long it is and what is still to be read. Who
// resumes cuts the file to that length and goes on there: so no row is lost, and
// none comes twice.
package export
