// Package spool keeps the folders of spools: logs of the events that a target
// has not acknowledged and that the journal's window no longer holds. Package
// journal writes and reads them through its interfaces SpoolFolders and
// SpoolFolder, and remembers in the metadata store what of them is committed.
//
// # Folder
//
//	<dir>/spool            which spool this is; text, written last
//	<dir>/0000000001.log   segments, numbered upwards
//
// A folder belongs to one target of one server. Nothing in it is changed in
// place: a segment is written from its start to its end by one process, and
// removed as a whole once nothing in it is wanted.
//
// # Segment
//
// All numbers are big endian. C is CRC32C (Castagnoli).
//
//	header   0  +----------------------------------+
//	            | magic "CRLNSPOL"               8 |
//	         8  | version                        8 |
//	        16  | id of the spool                8 |
//	        24  | number of the segment          8 |
//	        32  | C of the 32 bytes above        4 |
//	records 36  +----------------------------------+
//	            | partition                      2 |
//	            | sequence                       8 |
//	            | bytes of the record            4 |
//	            | record                           |
//	            | C of spool, segment, offset    4 |
//	            |   and all of the above           |
//	            +----------------------------------+
//	            | …                                |
//	            +----------------------------------+
//
// The checksum covers the place, so that a record which the disk returns in
// another one's place is caught too. Whoever reads knows the place from the
// outbox entry, and nothing is ever looked for.
//
// # Durability
//
// Append writes, syncs the file and, when the file is new, its folder, before it
// returns. What a crash leaves behind the last Append that returned is garbage
// that nothing points to. A sync that failed is never tried again: the segment
// is left as it is, and the next Append begins another.
package spool
